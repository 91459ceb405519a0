-- Which migrations ran: when, by whom, and the checksum of their text. Of a migration that two ran
-- at once the first row stands.
CREATE TABLE IF NOT EXISTS schema_versions@LOCAL@ @ON_CLUSTER@ (
    version UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    applied_by String DEFAULT currentUser(),
    program String,
    taken UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Nano(now64(9))))
)
ENGINE = @REPLACING@(taken)
ORDER BY version;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS schema_versions @ON_CLUSTER@ AS schema_versions_local
ENGINE = Distributed('@CLUSTER@', '@DATABASE@', 'schema_versions_local', version);
