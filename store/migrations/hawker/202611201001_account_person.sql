-- An account is an opaque id. Who it is stands in person, password and address, which erasing deletes, with what
-- lets somebody in (session, api_token); everything else refers to the id only.
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  admin_at BIGINT,
  created_at BIGINT NOT NULL,
  erased_at BIGINT
);
-- Kept until the person erases it.
CREATE TABLE person (
  account TEXT PRIMARY KEY REFERENCES account (id),
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  locale TEXT NOT NULL
);
CREATE TABLE password (
  account TEXT PRIMARY KEY REFERENCES account (id),
  hash TEXT NOT NULL
);
-- Kept until the person deletes it or is erased.
CREATE TABLE address (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  line1 TEXT NOT NULL,
  line2 TEXT NOT NULL,
  city TEXT NOT NULL,
  zip TEXT NOT NULL,
  country TEXT NOT NULL,
  phone TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX address_account ON address (account, id);
-- digest is the SHA-256 of the secret, in hex. Kept until it expires.
CREATE TABLE session (
  digest TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account);
CREATE INDEX session_expires ON session (expires_at);
CREATE TABLE api_token (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  shop TEXT NOT NULL,
  channel TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX api_token_account ON api_token (account, id);
