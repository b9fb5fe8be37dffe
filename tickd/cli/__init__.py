"""The command line: reads arguments, calls the app."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from tickd import __version__
from tickd.errors import TickdError

COMMANDS = {
    "serve": "tickd.cli.serve:serve",
    "dev": "tickd.cli.serve:dev",
    "status": "tickd.cli.status:status",
    "top": "tickd.cli.top:top",
    "jobs": "tickd.cli.subjects:jobs",
    "monitors": "tickd.cli.subjects:monitors",
    "heartbeats": "tickd.cli.subjects:heartbeats",
    "incidents": "tickd.cli.incidents:incidents",
    "profile": "tickd.cli.profiles:profile",
    "backup": "tickd.cli.backup:backup",
    "restore": "tickd.cli.restore:restore",
    "doctor": "tickd.cli.doctor:doctor",
    "export": "tickd.cli.export:export",
    "apply": "tickd.cli.apply:apply",
    "import": "tickd.cli.imports:import_",
    "account": "tickd.cli.accounts:account",
    "key": "tickd.cli.keys:key",
    "user": "tickd.cli.users:user",
    "next": "tickd.cli.schedules:upcoming",
    "verify": "tickd.cli.verify:verify",
    "exec": "tickd.cli.execute:execute",
    "completion": "tickd.cli.completion:completion",
}
"""Where each command is, in the order of the help."""
SECTIONS = {
    "Run": ("serve", "dev"),
    "Look and act": ("status", "top", "jobs", "monitors", "heartbeats", "incidents", "profile"),
    "Data": ("backup", "restore", "doctor"),
    "As code": ("export", "apply", "import"),
    "Accounts": ("account", "key", "user"),
    "Tools": ("next", "verify", "exec", "completion"),
}
"""Under which heading of the help each command is."""


class Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for.

    `tickd exec` runs every minute from many crontabs: it must not wait for the daemon's imports.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}
        self._known = dict.fromkeys(COMMANDS)

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in self._known:
                raise KeyError(name)
            module, _, attribute = COMMANDS[name].partition(":")
            self._loaded[name] = getattr(import_module(module), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = None
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Grouped(click.Group):
    """The commands under headings; they are completed without importing any."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every section that has commands; what has no section comes last."""
        shown = set(self.list_commands(context))
        rest = tuple(
            name for name in self.commands if name not in {one for of in SECTIONS.values() for one in of}
        )
        longest = max(map(len, shown))
        width = formatter.width - 6 - longest
        for title, names in (*SECTIONS.items(), ("More", rest)):
            known = [(name, self.commands[name]) for name in names if name in shown]
            # Padded, so that the sections are in line with each other.
            rows = [
                (f"{name:{longest}}", one.get_short_help_str(width)) for name, one in known if not one.hidden
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, and the options."""
        names = [CompletionItem(name) for name in self.commands if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, context, incomplete)


@click.group(cls=Grouped, commands=Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tickd")
def tickd() -> None:
    """Fires cron jobs, watches services and heartbeats, verifies e-mail addresses."""


def main() -> None:
    """Run the command line; an error is one sentence on stderr, and its exit status (1 where it has none)."""
    try:
        tickd()
    except TickdError as error:
        click.echo(f"tickd: {error.message}", err=True)
        sys.exit(getattr(error, "exit_status", 1))
    except UnicodeEncodeError as error:
        encoding = sys.stdout.encoding if sys.stdout else "utf-8"
        if encoding.lower().startswith("utf"):
            raise
        letter = error.object[error.start]
        _end_output(f"{encoding} has no letter for {letter!a}; set PYTHONIOENCODING=utf-8")
    except OSError as error:
        if not _is_output_broken():
            raise
        _end_output(error.strerror or str(error))


def _is_output_broken() -> bool:
    """Whether what was printed still waits, and can't be written."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        return True
    return False


def _end_output(why: str) -> NoReturn:
    click.echo(f"tickd: can't write to standard output: {why}", err=True)
    # Python would try once more at its end, and fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
