/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands, sorted by name as strcmp() sorts; a test checks that. Names and key positions
 * are those that Redis 7.0's own COMMAND tells, with later commands, Valkey's and the modules' added.
 */
#include "probes/redis/redis_command.h"

#include <stddef.h>

/* clang-format off */
static const struct redis_command commands[] = {
	{ "ACL", 0, KEYS_PLAIN, 1 }, { "ACL CAT", 0, 0, 0 }, { "ACL DELUSER", 0, 0, 0 },
	{ "ACL DRYRUN", 0, 0, 0 }, { "ACL GENPASS", 0, 0, 0 }, { "ACL GETUSER", 0, 0, 0 },
	{ "ACL HELP", 0, 0, 0 }, { "ACL LIST", 0, 0, 0 }, { "ACL LOAD", 0, 0, 0 },
	{ "ACL LOG", 0, 0, 0 }, { "ACL SAVE", 0, 0, 0 }, { "ACL SETUSER", 0, 0, 0 },
	{ "ACL USERS", 0, 0, 0 }, { "ACL WHOAMI", 0, 0, 0 }, { "APPEND", 1, 0, 0 },
	{ "ASKING", 0, 0, 0 }, { "AUTH", 0, 0, 0 }, { "BF.ADD", 1, 0, 0 }, { "BF.CARD", 1, 0, 0 },
	{ "BF.EXISTS", 1, 0, 0 }, { "BF.INFO", 1, 0, 0 }, { "BF.INSERT", 1, 0, 0 },
	{ "BF.LOADCHUNK", 1, 0, 0 }, { "BF.MADD", 1, 0, 0 }, { "BF.MEXISTS", 1, 0, 0 },
	{ "BF.RESERVE", 1, 0, 0 }, { "BF.SCANDUMP", 1, 0, 0 }, { "BGREWRITEAOF", 0, 0, 0 },
	{ "BGSAVE", 0, 0, 0 }, { "BITCOUNT", 1, 0, 0 }, { "BITFIELD", 1, 0, 0 },
	{ "BITFIELD_RO", 1, 0, 0 }, { "BITOP", 2, 0, 0 }, { "BITPOS", 1, 0, 0 },
	{ "BLMOVE", 1, 0, 0 }, { "BLMPOP", 3, KEYS_NUMBER, 0 }, { "BLPOP", 1, 0, 0 },
	{ "BRPOP", 1, 0, 0 }, { "BRPOPLPUSH", 1, 0, 0 }, { "BZMPOP", 3, KEYS_NUMBER, 0 },
	{ "BZPOPMAX", 1, 0, 0 }, { "BZPOPMIN", 1, 0, 0 }, { "CF.ADD", 1, 0, 0 },
	{ "CF.ADDNX", 1, 0, 0 }, { "CF.COUNT", 1, 0, 0 }, { "CF.DEL", 1, 0, 0 },
	{ "CF.EXISTS", 1, 0, 0 }, { "CF.INFO", 1, 0, 0 }, { "CF.INSERT", 1, 0, 0 },
	{ "CF.INSERTNX", 1, 0, 0 }, { "CF.LOADCHUNK", 1, 0, 0 }, { "CF.MEXISTS", 1, 0, 0 },
	{ "CF.RESERVE", 1, 0, 0 }, { "CF.SCANDUMP", 1, 0, 0 }, { "CLIENT", 0, KEYS_PLAIN, 1 },
	{ "CLIENT CACHING", 0, 0, 0 }, { "CLIENT CAPA", 0, 0, 0 }, { "CLIENT GETNAME", 0, 0, 0 },
	{ "CLIENT GETREDIR", 0, 0, 0 }, { "CLIENT HELP", 0, 0, 0 }, { "CLIENT ID", 0, 0, 0 },
	{ "CLIENT IMPORT-SOURCE", 0, 0, 0 }, { "CLIENT INFO", 0, 0, 0 },
	{ "CLIENT KILL", 0, 0, 0 }, { "CLIENT LIST", 0, 0, 0 }, { "CLIENT NO-EVICT", 0, 0, 0 },
	{ "CLIENT NO-TOUCH", 0, 0, 0 }, { "CLIENT PAUSE", 0, 0, 0 }, { "CLIENT REPLY", 0, 0, 0 },
	{ "CLIENT SETINFO", 0, 0, 0 }, { "CLIENT SETNAME", 0, 0, 0 },
	{ "CLIENT TRACKING", 0, 0, 0 }, { "CLIENT TRACKINGINFO", 0, 0, 0 },
	{ "CLIENT UNBLOCK", 0, 0, 0 }, { "CLIENT UNPAUSE", 0, 0, 0 },
	{ "CLUSTER", 0, KEYS_PLAIN, 1 }, { "CLUSTER ADDSLOTS", 0, 0, 0 },
	{ "CLUSTER ADDSLOTSRANGE", 0, 0, 0 }, { "CLUSTER BUMPEPOCH", 0, 0, 0 },
	{ "CLUSTER COUNT-FAILURE-REPORTS", 0, 0, 0 }, { "CLUSTER COUNTKEYSINSLOT", 0, 0, 0 },
	{ "CLUSTER DELSLOTS", 0, 0, 0 }, { "CLUSTER DELSLOTSRANGE", 0, 0, 0 },
	{ "CLUSTER FAILOVER", 0, 0, 0 }, { "CLUSTER FLUSHSLOTS", 0, 0, 0 },
	{ "CLUSTER FORGET", 0, 0, 0 }, { "CLUSTER GETKEYSINSLOT", 0, 0, 0 },
	{ "CLUSTER HELP", 0, 0, 0 }, { "CLUSTER INFO", 0, 0, 0 }, { "CLUSTER KEYSLOT", 0, 0, 0 },
	{ "CLUSTER LINKS", 0, 0, 0 }, { "CLUSTER MEET", 0, 0, 0 },
	{ "CLUSTER MIGRATION", 0, 0, 0 }, { "CLUSTER MYID", 0, 0, 0 },
	{ "CLUSTER MYSHARDID", 0, 0, 0 }, { "CLUSTER NODES", 0, 0, 0 },
	{ "CLUSTER REPLICAS", 0, 0, 0 }, { "CLUSTER REPLICATE", 0, 0, 0 },
	{ "CLUSTER RESET", 0, 0, 0 }, { "CLUSTER SAVECONFIG", 0, 0, 0 },
	{ "CLUSTER SET-CONFIG-EPOCH", 0, 0, 0 }, { "CLUSTER SETSLOT", 0, 0, 0 },
	{ "CLUSTER SHARDS", 0, 0, 0 }, { "CLUSTER SLAVES", 0, 0, 0 },
	{ "CLUSTER SLOT-STATS", 0, 0, 0 }, { "CLUSTER SLOTS", 0, 0, 0 }, { "CMS.INCRBY", 1, 0, 0 },
	{ "CMS.INFO", 1, 0, 0 }, { "CMS.INITBYDIM", 1, 0, 0 }, { "CMS.INITBYPROB", 1, 0, 0 },
	{ "CMS.MERGE", 1, 0, 0 }, { "CMS.QUERY", 1, 0, 0 }, { "COMMAND", 0, KEYS_PLAIN, 1 },
	{ "COMMAND COUNT", 0, 0, 0 }, { "COMMAND DOCS", 0, 0, 0 }, { "COMMAND GETKEYS", 0, 0, 0 },
	{ "COMMAND GETKEYSANDFLAGS", 0, 0, 0 }, { "COMMAND HELP", 0, 0, 0 },
	{ "COMMAND INFO", 0, 0, 0 }, { "COMMAND LIST", 0, 0, 0 },
	{ "COMMANDLOG", 0, KEYS_PLAIN, 1 }, { "COMMANDLOG GET", 0, 0, 0 },
	{ "COMMANDLOG HELP", 0, 0, 0 }, { "COMMANDLOG LEN", 0, 0, 0 },
	{ "COMMANDLOG RESET", 0, 0, 0 }, { "CONFIG", 0, KEYS_PLAIN, 1 }, { "CONFIG GET", 0, 0, 0 },
	{ "CONFIG HELP", 0, 0, 0 }, { "CONFIG RESETSTAT", 0, 0, 0 }, { "CONFIG REWRITE", 0, 0, 0 },
	{ "CONFIG SET", 0, 0, 0 }, { "COPY", 1, 0, 0 }, { "DBSIZE", 0, 0, 0 },
	{ "DEBUG", 0, KEYS_PLAIN, 1 }, { "DEBUG DIGEST-VALUE", 2, 0, 0 },
	{ "DEBUG JMAP", 0, 0, 0 }, { "DEBUG OBJECT", 2, 0, 0 }, { "DEBUG RELOAD", 0, 0, 0 },
	{ "DEBUG SET-ACTIVE-EXPIRE", 0, 0, 0 }, { "DEBUG SLEEP", 0, 0, 0 }, { "DECR", 1, 0, 0 },
	{ "DECRBY", 1, 0, 0 }, { "DEL", 1, 0, 0 }, { "DELEX", 1, 0, 0 }, { "DELIFEQ", 1, 0, 0 },
	{ "DIGEST", 1, 0, 0 }, { "DISCARD", 0, 0, 0 }, { "DUMP", 1, 0, 0 }, { "ECHO", 0, 0, 0 },
	{ "EVAL", 3, KEYS_NUMBER, 0 }, { "EVALSHA", 3, KEYS_NUMBER, 0 },
	{ "EVALSHA_RO", 3, KEYS_NUMBER, 0 }, { "EVAL_RO", 3, KEYS_NUMBER, 0 }, { "EXEC", 0, 0, 0 },
	{ "EXISTS", 1, 0, 0 }, { "EXPIRE", 1, 0, 0 }, { "EXPIREAT", 1, 0, 0 },
	{ "EXPIRETIME", 1, 0, 0 }, { "FAILOVER", 0, 0, 0 }, { "FCALL", 3, KEYS_NUMBER, 0 },
	{ "FCALL_RO", 3, KEYS_NUMBER, 0 }, { "FLUSHALL", 0, 0, 0 }, { "FLUSHDB", 0, 0, 0 },
	{ "FT.AGGREGATE", 0, 0, 0 }, { "FT.ALIASADD", 0, 0, 0 }, { "FT.ALIASDEL", 0, 0, 0 },
	{ "FT.ALIASUPDATE", 0, 0, 0 }, { "FT.ALTER", 0, 0, 0 }, { "FT.CREATE", 0, 0, 0 },
	{ "FT.CURSOR", 0, 0, 0 }, { "FT.DICTADD", 0, 0, 0 }, { "FT.DICTDEL", 0, 0, 0 },
	{ "FT.DICTDUMP", 0, 0, 0 }, { "FT.DROPINDEX", 0, 0, 0 }, { "FT.EXPLAIN", 0, 0, 0 },
	{ "FT.EXPLAINCLI", 0, 0, 0 }, { "FT.HYBRID", 0, 0, 0 }, { "FT.INFO", 0, 0, 0 },
	{ "FT.PROFILE", 0, 0, 0 }, { "FT.SEARCH", 0, 0, 0 }, { "FT.SPELLCHECK", 0, 0, 0 },
	{ "FT.SUGADD", 1, 0, 0 }, { "FT.SUGDEL", 1, 0, 0 }, { "FT.SUGGET", 1, 0, 0 },
	{ "FT.SUGLEN", 1, 0, 0 }, { "FT.SYNDUMP", 0, 0, 0 }, { "FT.SYNUPDATE", 0, 0, 0 },
	{ "FT.TAGVALS", 0, 0, 0 }, { "FT._LIST", 0, 0, 0 }, { "FUNCTION", 0, KEYS_PLAIN, 1 },
	{ "FUNCTION DELETE", 0, 0, 0 }, { "FUNCTION DUMP", 0, 0, 0 },
	{ "FUNCTION FLUSH", 0, 0, 0 }, { "FUNCTION HELP", 0, 0, 0 }, { "FUNCTION KILL", 0, 0, 0 },
	{ "FUNCTION LIST", 0, 0, 0 }, { "FUNCTION LOAD", 0, 0, 0 },
	{ "FUNCTION RESTORE", 0, 0, 0 }, { "FUNCTION STATS", 0, 0, 0 }, { "GEOADD", 1, 0, 0 },
	{ "GEODIST", 1, 0, 0 }, { "GEOHASH", 1, 0, 0 }, { "GEOPOS", 1, 0, 0 },
	{ "GEORADIUS", 1, 0, 0 }, { "GEORADIUSBYMEMBER", 1, 0, 0 },
	{ "GEORADIUSBYMEMBER_RO", 1, 0, 0 }, { "GEORADIUS_RO", 1, 0, 0 }, { "GEOSEARCH", 1, 0, 0 },
	{ "GEOSEARCHSTORE", 1, 0, 0 }, { "GET", 1, 0, 0 }, { "GETBIT", 1, 0, 0 },
	{ "GETDEL", 1, 0, 0 }, { "GETEX", 1, 0, 0 }, { "GETRANGE", 1, 0, 0 },
	{ "GETSET", 1, 0, 0 }, { "HDEL", 1, 0, 0 }, { "HELLO", 0, 0, 0 }, { "HEXISTS", 1, 0, 0 },
	{ "HEXPIRE", 1, 0, 0 }, { "HEXPIREAT", 1, 0, 0 }, { "HEXPIRETIME", 1, 0, 0 },
	{ "HGET", 1, 0, 0 }, { "HGETALL", 1, 0, 0 }, { "HGETDEL", 1, 0, 0 }, { "HGETEX", 1, 0, 0 },
	{ "HINCRBY", 1, 0, 0 }, { "HINCRBYFLOAT", 1, 0, 0 }, { "HKEYS", 1, 0, 0 },
	{ "HLEN", 1, 0, 0 }, { "HMGET", 1, 0, 0 }, { "HMSET", 1, 0, 0 }, { "HPERSIST", 1, 0, 0 },
	{ "HPEXPIRE", 1, 0, 0 }, { "HPEXPIREAT", 1, 0, 0 }, { "HPEXPIRETIME", 1, 0, 0 },
	{ "HPTTL", 1, 0, 0 }, { "HRANDFIELD", 1, 0, 0 }, { "HSCAN", 1, 0, 0 }, { "HSET", 1, 0, 0 },
	{ "HSETEX", 1, 0, 0 }, { "HSETNX", 1, 0, 0 }, { "HSTRLEN", 1, 0, 0 }, { "HTTL", 1, 0, 0 },
	{ "HVALS", 1, 0, 0 }, { "INCR", 1, 0, 0 }, { "INCRBY", 1, 0, 0 },
	{ "INCRBYFLOAT", 1, 0, 0 }, { "INFO", 0, 0, 0 }, { "JSON.ARRAPPEND", 1, 0, 0 },
	{ "JSON.ARRINDEX", 1, 0, 0 }, { "JSON.ARRINSERT", 1, 0, 0 }, { "JSON.ARRLEN", 1, 0, 0 },
	{ "JSON.ARRPOP", 1, 0, 0 }, { "JSON.ARRTRIM", 1, 0, 0 }, { "JSON.CLEAR", 1, 0, 0 },
	{ "JSON.DEL", 1, 0, 0 }, { "JSON.FORGET", 1, 0, 0 }, { "JSON.GET", 1, 0, 0 },
	{ "JSON.MERGE", 1, 0, 0 }, { "JSON.MGET", 1, 0, 0 }, { "JSON.MSET", 1, 0, 0 },
	{ "JSON.NUMINCRBY", 1, 0, 0 }, { "JSON.NUMMULTBY", 1, 0, 0 }, { "JSON.OBJKEYS", 1, 0, 0 },
	{ "JSON.OBJLEN", 1, 0, 0 }, { "JSON.RESP", 1, 0, 0 }, { "JSON.SET", 1, 0, 0 },
	{ "JSON.STRAPPEND", 1, 0, 0 }, { "JSON.STRLEN", 1, 0, 0 }, { "JSON.TOGGLE", 1, 0, 0 },
	{ "JSON.TYPE", 1, 0, 0 }, { "KEYS", 0, 0, 0 }, { "LASTSAVE", 0, 0, 0 },
	{ "LATENCY", 0, KEYS_PLAIN, 1 }, { "LATENCY DOCTOR", 0, 0, 0 },
	{ "LATENCY GRAPH", 0, 0, 0 }, { "LATENCY HELP", 0, 0, 0 },
	{ "LATENCY HISTOGRAM", 0, 0, 0 }, { "LATENCY HISTORY", 0, 0, 0 },
	{ "LATENCY LATEST", 0, 0, 0 }, { "LATENCY RESET", 0, 0, 0 }, { "LCS", 1, 0, 0 },
	{ "LINDEX", 1, 0, 0 }, { "LINSERT", 1, 0, 0 }, { "LLEN", 1, 0, 0 }, { "LMOVE", 1, 0, 0 },
	{ "LMPOP", 2, KEYS_NUMBER, 0 }, { "LOLWUT", 0, 0, 0 }, { "LPOP", 1, 0, 0 },
	{ "LPOS", 1, 0, 0 }, { "LPUSH", 1, 0, 0 }, { "LPUSHX", 1, 0, 0 }, { "LRANGE", 1, 0, 0 },
	{ "LREM", 1, 0, 0 }, { "LSET", 1, 0, 0 }, { "LTRIM", 1, 0, 0 },
	{ "MEMORY", 0, KEYS_PLAIN, 1 }, { "MEMORY DOCTOR", 0, 0, 0 }, { "MEMORY HELP", 0, 0, 0 },
	{ "MEMORY MALLOC-STATS", 0, 0, 0 }, { "MEMORY PURGE", 0, 0, 0 },
	{ "MEMORY STATS", 0, 0, 0 }, { "MEMORY USAGE", 2, 0, 0 }, { "MGET", 1, 0, 0 },
	{ "MIGRATE", 3, 0, 0 }, { "MODULE", 0, KEYS_PLAIN, 1 }, { "MODULE HELP", 0, 0, 0 },
	{ "MODULE LIST", 0, 0, 0 }, { "MODULE LOAD", 0, 0, 0 }, { "MODULE LOADEX", 0, 0, 0 },
	{ "MODULE UNLOAD", 0, 0, 0 }, { "MONITOR", 0, 0, 0 }, { "MOVE", 1, 0, 0 },
	{ "MSET", 1, 0, 0 }, { "MSETEX", 2, KEYS_NUMBER, 0 }, { "MSETNX", 1, 0, 0 },
	{ "MULTI", 0, 0, 0 }, { "OBJECT", 0, KEYS_PLAIN, 1 }, { "OBJECT ENCODING", 2, 0, 0 },
	{ "OBJECT FREQ", 2, 0, 0 }, { "OBJECT HELP", 0, 0, 0 }, { "OBJECT IDLETIME", 2, 0, 0 },
	{ "OBJECT REFCOUNT", 2, 0, 0 }, { "PERSIST", 1, 0, 0 }, { "PEXPIRE", 1, 0, 0 },
	{ "PEXPIREAT", 1, 0, 0 }, { "PEXPIRETIME", 1, 0, 0 }, { "PFADD", 1, 0, 0 },
	{ "PFCOUNT", 1, 0, 0 }, { "PFDEBUG", 2, 0, 0 }, { "PFMERGE", 1, 0, 0 },
	{ "PFSELFTEST", 0, 0, 0 }, { "PING", 0, 0, 0 }, { "PSETEX", 1, 0, 0 },
	{ "PSUBSCRIBE", 0, 0, 0 }, { "PSYNC", 0, 0, 0 }, { "PTTL", 1, 0, 0 },
	{ "PUBLISH", 0, 0, 0 }, { "PUBSUB", 0, KEYS_PLAIN, 1 }, { "PUBSUB CHANNELS", 0, 0, 0 },
	{ "PUBSUB HELP", 0, 0, 0 }, { "PUBSUB NUMPAT", 0, 0, 0 }, { "PUBSUB NUMSUB", 0, 0, 0 },
	{ "PUBSUB SHARDCHANNELS", 0, 0, 0 }, { "PUBSUB SHARDNUMSUB", 0, 0, 0 },
	{ "PUNSUBSCRIBE", 0, 0, 0 }, { "QUIT", 0, 0, 0 }, { "RANDOMKEY", 0, 0, 0 },
	{ "READONLY", 0, 0, 0 }, { "READWRITE", 0, 0, 0 }, { "RENAME", 1, 0, 0 },
	{ "RENAMENX", 1, 0, 0 }, { "REPLCONF", 0, 0, 0 }, { "REPLICAOF", 0, 0, 0 },
	{ "RESET", 0, 0, 0 }, { "RESTORE", 1, 0, 0 }, { "RESTORE-ASKING", 1, 0, 0 },
	{ "ROLE", 0, 0, 0 }, { "RPOP", 1, 0, 0 }, { "RPOPLPUSH", 1, 0, 0 }, { "RPUSH", 1, 0, 0 },
	{ "RPUSHX", 1, 0, 0 }, { "SADD", 1, 0, 0 }, { "SAVE", 0, 0, 0 }, { "SCAN", 0, 0, 0 },
	{ "SCARD", 1, 0, 0 }, { "SCRIPT", 0, KEYS_PLAIN, 1 }, { "SCRIPT DEBUG", 0, 0, 0 },
	{ "SCRIPT EXISTS", 0, 0, 0 }, { "SCRIPT FLUSH", 0, 0, 0 }, { "SCRIPT HELP", 0, 0, 0 },
	{ "SCRIPT KILL", 0, 0, 0 }, { "SCRIPT LOAD", 0, 0, 0 }, { "SCRIPT SHOW", 0, 0, 0 },
	{ "SDIFF", 1, 0, 0 }, { "SDIFFSTORE", 1, 0, 0 }, { "SELECT", 0, 0, 0 }, { "SET", 1, 0, 0 },
	{ "SETBIT", 1, 0, 0 }, { "SETEX", 1, 0, 0 }, { "SETNX", 1, 0, 0 }, { "SETRANGE", 1, 0, 0 },
	{ "SHUTDOWN", 0, 0, 0 }, { "SINTER", 1, 0, 0 }, { "SINTERCARD", 2, KEYS_NUMBER, 0 },
	{ "SINTERSTORE", 1, 0, 0 }, { "SISMEMBER", 1, 0, 0 }, { "SLAVEOF", 0, 0, 0 },
	{ "SLOWLOG", 0, KEYS_PLAIN, 1 }, { "SLOWLOG GET", 0, 0, 0 }, { "SLOWLOG HELP", 0, 0, 0 },
	{ "SLOWLOG LEN", 0, 0, 0 }, { "SLOWLOG RESET", 0, 0, 0 }, { "SMEMBERS", 1, 0, 0 },
	{ "SMISMEMBER", 1, 0, 0 }, { "SMOVE", 1, 0, 0 }, { "SORT", 1, 0, 0 },
	{ "SORT_RO", 1, 0, 0 }, { "SPOP", 1, 0, 0 }, { "SPUBLISH", 1, 0, 0 },
	{ "SRANDMEMBER", 1, 0, 0 }, { "SREM", 1, 0, 0 }, { "SSCAN", 1, 0, 0 },
	{ "SSUBSCRIBE", 1, 0, 0 }, { "STRLEN", 1, 0, 0 }, { "SUBSCRIBE", 0, 0, 0 },
	{ "SUBSTR", 1, 0, 0 }, { "SUNION", 1, 0, 0 }, { "SUNIONSTORE", 1, 0, 0 },
	{ "SUNSUBSCRIBE", 1, 0, 0 }, { "SWAPDB", 0, 0, 0 }, { "SYNC", 0, 0, 0 },
	{ "TIME", 0, 0, 0 }, { "TOPK.ADD", 1, 0, 0 }, { "TOPK.COUNT", 1, 0, 0 },
	{ "TOPK.INCRBY", 1, 0, 0 }, { "TOPK.INFO", 1, 0, 0 }, { "TOPK.LIST", 1, 0, 0 },
	{ "TOPK.QUERY", 1, 0, 0 }, { "TOPK.RESERVE", 1, 0, 0 }, { "TOUCH", 1, 0, 0 },
	{ "TS.ADD", 1, 0, 0 }, { "TS.ALTER", 1, 0, 0 }, { "TS.CREATE", 1, 0, 0 },
	{ "TS.CREATERULE", 1, 0, 0 }, { "TS.DECRBY", 1, 0, 0 }, { "TS.DEL", 1, 0, 0 },
	{ "TS.DELETERULE", 1, 0, 0 }, { "TS.GET", 1, 0, 0 }, { "TS.INCRBY", 1, 0, 0 },
	{ "TS.INFO", 1, 0, 0 }, { "TS.MADD", 1, 0, 0 }, { "TS.MGET", 0, 0, 0 },
	{ "TS.MRANGE", 0, 0, 0 }, { "TS.MREVRANGE", 0, 0, 0 }, { "TS.QUERYINDEX", 0, 0, 0 },
	{ "TS.RANGE", 1, 0, 0 }, { "TS.REVRANGE", 1, 0, 0 }, { "TTL", 1, 0, 0 },
	{ "TYPE", 1, 0, 0 }, { "UNLINK", 1, 0, 0 }, { "UNSUBSCRIBE", 0, 0, 0 },
	{ "UNWATCH", 0, 0, 0 }, { "VADD", 1, 0, 0 }, { "VCARD", 1, 0, 0 }, { "VDIM", 1, 0, 0 },
	{ "VEMB", 1, 0, 0 }, { "VGETATTR", 1, 0, 0 }, { "VINFO", 1, 0, 0 },
	{ "VISMEMBER", 1, 0, 0 }, { "VLINKS", 1, 0, 0 }, { "VRANDMEMBER", 1, 0, 0 },
	{ "VRANGE", 1, 0, 0 }, { "VREM", 1, 0, 0 }, { "VSETATTR", 1, 0, 0 }, { "VSIM", 1, 0, 0 },
	{ "WAIT", 0, 0, 0 }, { "WAITAOF", 0, 0, 0 }, { "WATCH", 1, 0, 0 }, { "XACK", 1, 0, 0 },
	{ "XACKDEL", 1, 0, 0 }, { "XADD", 1, 0, 0 }, { "XAUTOCLAIM", 1, 0, 0 },
	{ "XCFGSET", 1, 0, 0 }, { "XCLAIM", 1, 0, 0 }, { "XDEL", 1, 0, 0 }, { "XDELEX", 1, 0, 0 },
	{ "XGROUP", 0, KEYS_PLAIN, 1 }, { "XGROUP CREATE", 2, 0, 0 },
	{ "XGROUP CREATECONSUMER", 2, 0, 0 }, { "XGROUP DELCONSUMER", 2, 0, 0 },
	{ "XGROUP DESTROY", 2, 0, 0 }, { "XGROUP HELP", 0, 0, 0 }, { "XGROUP SETID", 2, 0, 0 },
	{ "XINFO", 0, KEYS_PLAIN, 1 }, { "XINFO CONSUMERS", 2, 0, 0 }, { "XINFO GROUPS", 2, 0, 0 },
	{ "XINFO HELP", 0, 0, 0 }, { "XINFO STREAM", 2, 0, 0 }, { "XLEN", 1, 0, 0 },
	{ "XPENDING", 1, 0, 0 }, { "XRANGE", 1, 0, 0 }, { "XREAD", 1, KEYS_STREAMS, 0 },
	{ "XREADGROUP", 4, KEYS_STREAMS, 0 }, { "XREVRANGE", 1, 0, 0 }, { "XSETID", 1, 0, 0 },
	{ "XTRIM", 1, 0, 0 }, { "ZADD", 1, 0, 0 }, { "ZCARD", 1, 0, 0 }, { "ZCOUNT", 1, 0, 0 },
	{ "ZDIFF", 2, KEYS_NUMBER, 0 }, { "ZDIFFSTORE", 1, 0, 0 }, { "ZINCRBY", 1, 0, 0 },
	{ "ZINTER", 2, KEYS_NUMBER, 0 }, { "ZINTERCARD", 2, KEYS_NUMBER, 0 },
	{ "ZINTERSTORE", 1, 0, 0 }, { "ZLEXCOUNT", 1, 0, 0 }, { "ZMPOP", 2, KEYS_NUMBER, 0 },
	{ "ZMSCORE", 1, 0, 0 }, { "ZPOPMAX", 1, 0, 0 }, { "ZPOPMIN", 1, 0, 0 },
	{ "ZRANDMEMBER", 1, 0, 0 }, { "ZRANGE", 1, 0, 0 }, { "ZRANGEBYLEX", 1, 0, 0 },
	{ "ZRANGEBYSCORE", 1, 0, 0 }, { "ZRANGESTORE", 1, 0, 0 }, { "ZRANK", 1, 0, 0 },
	{ "ZREM", 1, 0, 0 }, { "ZREMRANGEBYLEX", 1, 0, 0 }, { "ZREMRANGEBYRANK", 1, 0, 0 },
	{ "ZREMRANGEBYSCORE", 1, 0, 0 }, { "ZREVRANGE", 1, 0, 0 }, { "ZREVRANGEBYLEX", 1, 0, 0 },
	{ "ZREVRANGEBYSCORE", 1, 0, 0 }, { "ZREVRANK", 1, 0, 0 }, { "ZSCAN", 1, 0, 0 },
	{ "ZSCORE", 1, 0, 0 }, { "ZUNION", 2, KEYS_NUMBER, 0 }, { "ZUNIONSTORE", 1, 0, 0 },
};
/* clang-format on */

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ASCII only: a locale must not decide what a command is. False: too long or no name. */
static bool upper(char *out, size_t size, size_t *len, struct str s)
{
	if (!s.len || *len + s.len >= size)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char ch = s.s[i];

		if (ch <= ' ' || ch > '~')
			return false;
		out[(*len)++] = ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch;
	}
	out[*len] = 0;
	return true;
}

static const struct redis_command *search(const char *name)
{
	size_t low = 0, n = COMMANDS;

	while (n) {
		size_t half = n / 2;
		int d = strcmp(name, commands[low + half].name);

		if (!d)
			return &commands[low + half];
		if (d > 0) {
			low += half + 1;
			half = n - half - 1;
		}
		n = half;
	}
	return NULL;
}

const struct redis_command *redis_command_find(struct str name, struct str sub)
{
	const struct redis_command *c, *joined = NULL;
	char key[REDIS_NAME_MAX];
	size_t len = 0;

	if (!upper(key, sizeof(key), &len, name))
		return NULL;
	c = search(key);
	if (!c || !c->container || len + 1 >= sizeof(key))
		return c;
	key[len++] = ' ';
	if (upper(key, sizeof(key), &len, sub))
		joined = search(key);
	return joined ? joined : c;
}

bool redis_command_begins(struct str name, struct str sub)
{
	char key[REDIS_NAME_MAX];
	size_t len = 0, low = 0, n = COMMANDS;

	if (name.len && !upper(key, sizeof(key), &len, name))
		return false;
	if (sub.s) {
		if (len + 1 >= sizeof(key))
			return false;
		key[len++] = ' ';
		if (sub.len && !upper(key, sizeof(key), &len, sub))
			return false;
	}
	while (n) { /* the first one that is not before key */
		size_t half = n / 2;

		if (strncmp(commands[low + half].name, key, len) < 0) {
			low += half + 1;
			half = n - half - 1;
		}
		n = half;
	}
	return low < COMMANDS && !strncmp(commands[low].name, key, len);
}

const struct redis_command *redis_command_table(size_t *n)
{
	*n = COMMANDS;
	return commands;
}
