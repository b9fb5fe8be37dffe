-- Status pages, and their pictures apart, so that a list of pages does not read them.

CREATE TABLE status_pages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Of all accounts: the address is /status/{slug}.
    slug TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    visibility TEXT NOT NULL,
    custom_domain TEXT NOT NULL,
    accent_color TEXT NOT NULL,
    -- The digest of its picture, or empty.
    logo TEXT NOT NULL,
    groups TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX status_pages_by_account ON status_pages (account_id, slug);
CREATE UNIQUE INDEX status_pages_by_domain ON status_pages (custom_domain) WHERE custom_domain <> '';

CREATE TABLE status_page_logos (
    page INTEGER PRIMARY KEY REFERENCES status_pages (row) ON DELETE CASCADE,
    content_type TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
