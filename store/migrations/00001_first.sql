-- One schema for SQLite and PostgreSQL: TEXT and BIGINT only. Times are Unix milliseconds, 0 is never; booleans are 0 and 1.
-- Columns called sealed_… hold text made by Store.Seal; …hash columns hold SHA-256, never what was hashed.

-- +goose Up
CREATE TABLE meta (
  name  TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
);

CREATE TABLE clients (
  id             TEXT PRIMARY KEY NOT NULL,
  proxy          TEXT NOT NULL,
  kind           TEXT NOT NULL,
  name           TEXT NOT NULL,
  secret_hash    TEXT NOT NULL,
  redirect_uris  TEXT NOT NULL,
  grant_types    TEXT NOT NULL,
  response_types TEXT NOT NULL,
  auth_method    TEXT NOT NULL,
  metadata       TEXT NOT NULL,
  fingerprint    TEXT NOT NULL,
  created        BIGINT NOT NULL,
  last_used      BIGINT NOT NULL,
  created_ip     TEXT NOT NULL,
  state          TEXT NOT NULL,
  block_reason   TEXT NOT NULL
);
CREATE UNIQUE INDEX clients_fingerprint ON clients (proxy, fingerprint) WHERE fingerprint <> '' AND secret_hash = '';
CREATE INDEX clients_unused ON clients (proxy, created) WHERE last_used = 0;

CREATE TABLE logins (
  id          TEXT PRIMARY KEY NOT NULL,
  state_hash  TEXT NOT NULL,
  expires     BIGINT NOT NULL,
  sealed_data TEXT NOT NULL
);
CREATE UNIQUE INDEX logins_state ON logins (state_hash) WHERE state_hash <> '';
CREATE INDEX logins_expires ON logins (expires);

CREATE TABLE codes (
  hash        TEXT PRIMARY KEY NOT NULL,
  session_id  TEXT NOT NULL,
  used_at     BIGINT NOT NULL,
  expires     BIGINT NOT NULL,
  sealed_data TEXT NOT NULL
);
CREATE INDEX codes_expires ON codes (expires);

CREATE TABLE sessions (
  id              TEXT PRIMARY KEY NOT NULL,
  kind            TEXT NOT NULL,
  proxy           TEXT NOT NULL,
  sub             TEXT NOT NULL,
  sealed_identity TEXT NOT NULL,
  client_id       TEXT NOT NULL,
  client_name     TEXT NOT NULL,
  auth            TEXT NOT NULL,
  ip              TEXT NOT NULL,
  scope           TEXT NOT NULL,
  created         BIGINT NOT NULL,
  expires         BIGINT NOT NULL,
  idle_expires    BIGINT NOT NULL,
  last            BIGINT NOT NULL,
  checked         BIGINT NOT NULL,
  idle_ttl        BIGINT NOT NULL,
  requests        BIGINT NOT NULL,
  revoked_at      BIGINT NOT NULL,
  revoked_by      TEXT NOT NULL,
  revoke_reason   TEXT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires) WHERE revoked_at = 0;
CREATE INDEX sessions_idle ON sessions (idle_expires) WHERE revoked_at = 0 AND idle_expires > 0;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at > 0;

CREATE TABLE refresh_tokens (
  hash         TEXT PRIMARY KEY NOT NULL,
  session_id   TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  client_id    TEXT NOT NULL,
  seq          BIGINT NOT NULL,
  created      BIGINT NOT NULL,
  rotated_at   BIGINT NOT NULL,
  expires      BIGINT NOT NULL,
  sealed_token TEXT NOT NULL
);
CREATE INDEX refresh_session ON refresh_tokens (session_id);
-- A family has one current token: two winners of one rotation cannot be written.
CREATE UNIQUE INDEX refresh_current ON refresh_tokens (session_id) WHERE rotated_at = 0;
CREATE INDEX refresh_sealed ON refresh_tokens (created) WHERE sealed_token <> '';

CREATE TABLE revoked_jtis (
  jti        TEXT PRIMARY KEY NOT NULL,
  session_id TEXT NOT NULL,
  expires    BIGINT NOT NULL
);
CREATE INDEX jtis_expires ON revoked_jtis (expires);

CREATE TABLE consents (
  sub           TEXT NOT NULL,
  client_id     TEXT NOT NULL,
  proxy         TEXT NOT NULL,
  redirect_host TEXT NOT NULL,
  label         TEXT NOT NULL,
  scopes        TEXT NOT NULL,
  created       BIGINT NOT NULL,
  PRIMARY KEY (sub, client_id, proxy, redirect_host)
);

CREATE TABLE browsers (
  hash            TEXT PRIMARY KEY NOT NULL,
  sub             TEXT NOT NULL,
  sealed_identity TEXT NOT NULL,
  created         BIGINT NOT NULL,
  last            BIGINT NOT NULL,
  expires         BIGINT NOT NULL
);
CREATE INDEX browsers_sub ON browsers (sub);
CREATE INDEX browsers_expires ON browsers (expires);

CREATE TABLE signing_keys (
  kid            TEXT PRIMARY KEY NOT NULL,
  alg            TEXT NOT NULL,
  state          TEXT NOT NULL,
  sealed_private TEXT NOT NULL,
  created        BIGINT NOT NULL,
  activated      BIGINT NOT NULL,
  retired        BIGINT NOT NULL,
  remove_after   BIGINT NOT NULL
);
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (alg) WHERE state = 'active';

CREATE TABLE blocks (
  subject TEXT PRIMARY KEY NOT NULL,
  reason  TEXT NOT NULL,
  set_by  TEXT NOT NULL,
  created BIGINT NOT NULL,
  until   BIGINT NOT NULL
);

CREATE TABLE forced_logins (
  sub   TEXT NOT NULL,
  proxy TEXT NOT NULL,
  at    BIGINT NOT NULL,
  PRIMARY KEY (sub, proxy)
);

-- No reference to sessions: a provider's token is kept before the session that it belongs to is.
CREATE TABLE provider_tokens (
  session_id     TEXT PRIMARY KEY NOT NULL,
  provider       TEXT NOT NULL,
  issuer         TEXT NOT NULL,
  sealed_access  TEXT NOT NULL,
  sealed_refresh TEXT NOT NULL,
  expiry         BIGINT NOT NULL,
  scope          TEXT NOT NULL,
  stored         BIGINT NOT NULL
);

CREATE TABLE tools (
  proxy       TEXT NOT NULL,
  name        TEXT NOT NULL,
  hash        TEXT NOT NULL,
  description TEXT NOT NULL,
  first_seen  BIGINT NOT NULL,
  last_seen   BIGINT NOT NULL,
  calls       BIGINT NOT NULL,
  denied      BIGINT NOT NULL,
  changed     BIGINT NOT NULL,
  PRIMARY KEY (proxy, name)
);
