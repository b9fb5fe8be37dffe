"""`tickd completion`: what makes a shell complete the commands and options of tickd."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

HOW = {
    "bash": '# In ~/.bashrc:  eval "$(tickd completion bash)"',
    "zsh": '# In ~/.zshrc, behind compinit:  eval "$(tickd completion zsh)"',
    "fish": "# tickd completion fish > ~/.config/fish/completions/tickd.fish",
}
"""Where each shell's script goes, as a comment in it."""


@click.command(short_help="Print a script for your shell's completion.")
@click.argument("shell", type=click.Choice(tuple(HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands and options; no daemon is asked.

    \b
    Examples:
      eval "$(tickd completion bash)"
      tickd completion fish > ~/.config/fish/completions/tickd.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} can't be completed for")
    made = kind(context.find_root().command, {}, "tickd", "_TICKD_COMPLETE")
    # What click prepares for bash asks a bash for its version, which may be another one than runs this.
    click.echo(f"{HOW[shell]}\n{made.source_template % made.source_vars()}".rstrip())
