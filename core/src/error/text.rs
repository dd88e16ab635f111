//! The standing text of each error code, which clients print before the detail.

use super::ErrorCode;

/// Joins a code's standing text and the detail of one case.
pub(super) fn message(code: ErrorCode, detail: &str) -> String {
    let (alone, prefix) = standing(code);
    match (detail.is_empty(), prefix) {
        (true, _) => alone.to_owned(),
        (false, "") => detail.to_owned(),
        (false, prefix) if prefix.contains("{}") => prefix.replacen("{}", detail, 1),
        (false, prefix) => format!("{prefix}: {detail}"),
    }
}

/// `(text without detail, text before the detail)`; an empty second part
/// means that the detail stands alone, `{}` marks where it goes otherwise.
fn standing(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::INTERNAL_ERROR => ("internal error", "internal error"),
        ErrorCode::NO_MEMORY => ("out of memory", "out of memory"),
        ErrorCode::NO_SUPPORT => (
            "this function is not supported by the connection driver",
            "this function is not supported by the connection driver",
        ),
        ErrorCode::NO_CONNECT => ("no connection driver available", "no connection driver available for {}"),
        ErrorCode::INVALID_CONN => ("invalid connection pointer in", "invalid connection pointer in {}"),
        ErrorCode::INVALID_DOMAIN => ("invalid domain pointer in", "invalid domain pointer in {}"),
        ErrorCode::INVALID_ARG => ("invalid argument", "invalid argument"),
        ErrorCode::OPERATION_FAILED => ("operation failed", "operation failed"),
        ErrorCode::UNKNOWN_HOST => ("unknown host", "unknown host {}"),
        ErrorCode::OS_TYPE => ("unknown OS type", "unknown OS type {}"),
        ErrorCode::NO_SOURCE => ("missing source information", "missing source information for device {}"),
        ErrorCode::NO_TARGET => ("missing target information for device", "missing target information for device {}"),
        ErrorCode::NO_NAME => ("missing name information", "missing name information in {}"),
        ErrorCode::DOM_EXIST => ("this domain exists already", "domain {} exists already"),
        ErrorCode::OPERATION_DENIED => ("operation forbidden", "operation forbidden"),
        ErrorCode::XML_ERROR => ("XML description is invalid or not well formed", "XML error"),
        ErrorCode::XML_DETAIL => ("XML document failed to validate against schema", ""),
        ErrorCode::XML_INVALID_SCHEMA => {
            ("XML document failed to validate against schema", "XML document failed to validate against schema")
        }
        ErrorCode::RPC => ("RPC error", ""),
        ErrorCode::AUTH_FAILED => ("authentication failed", "authentication failed"),
        ErrorCode::AUTH_CANCELLED => ("authentication cancelled", "authentication cancelled"),
        ErrorCode::AUTH_UNAVAILABLE => ("authentication unavailable", "authentication unavailable"),
        ErrorCode::NO_DOMAIN => ("Domain not found", "Domain not found"),
        ErrorCode::NO_NETWORK => ("Network not found", "Network not found"),
        ErrorCode::NO_STORAGE_POOL => ("Storage pool not found", "Storage pool not found"),
        ErrorCode::NO_STORAGE_VOL => ("Storage volume not found", "Storage volume not found"),
        ErrorCode::NO_NODE_DEVICE => ("Node device not found", "Node device not found"),
        ErrorCode::NO_INTERFACE => ("Interface not found", "Interface not found"),
        ErrorCode::MULTIPLE_INTERFACES => ("multiple matching interfaces found", "multiple matching interfaces found"),
        ErrorCode::NO_SECRET => ("Secret not found", "Secret not found"),
        ErrorCode::NO_NWFILTER => ("Network filter not found", "Network filter not found"),
        ErrorCode::NO_DOMAIN_SNAPSHOT => ("Domain snapshot not found", "Domain snapshot not found"),
        ErrorCode::NO_DOMAIN_CHECKPOINT => ("Domain checkpoint not found", "Domain checkpoint not found"),
        ErrorCode::NO_DOMAIN_METADATA => ("metadata not found", "metadata not found"),
        ErrorCode::NO_NETWORK_METADATA => ("metadata not found", "metadata not found"),
        ErrorCode::OPERATION_INVALID => ("Requested operation is not valid", "Requested operation is not valid"),
        ErrorCode::OPERATION_TIMEOUT => ("Timed out during operation", "Timed out during operation"),
        ErrorCode::OPERATION_ABORTED => ("operation aborted", "operation aborted"),
        ErrorCode::OPERATION_UNSUPPORTED => ("Operation not supported", "Operation not supported"),
        ErrorCode::CONFIG_UNSUPPORTED => ("unsupported configuration", "unsupported configuration"),
        ErrorCode::CONF_SYNTAX => ("configuration file syntax error", "configuration file syntax error"),
        ErrorCode::ARGUMENT_UNSUPPORTED => ("argument unsupported", "argument unsupported"),
        ErrorCode::SYSTEM_ERROR => ("system call error", ""),
        ErrorCode::ACCESS_DENIED => ("access denied", "access denied"),
        ErrorCode::OVERFLOW => ("numerical overflow", "numerical overflow"),
        ErrorCode::AGENT_UNRESPONSIVE => ("Guest agent is not responding", "Guest agent is not responding"),
        ErrorCode::AGENT_COMMAND_TIMEOUT => ("guest agent command timed out", "guest agent command timed out"),
        ErrorCode::AGENT_COMMAND_FAILED => ("guest agent command failed", "guest agent command failed"),
        ErrorCode::NO_SERVER => ("Server not found", "Server not found"),
        ErrorCode::NO_CLIENT => ("Client not found", "Client not found"),
        ErrorCode::HOOK_SCRIPT_FAILED => ("Hook script execution failed", "Hook script execution failed"),
        ErrorCode::NO_SECURITY_MODEL => ("Security model not found", "Security model not found"),
        ErrorCode::INVALID_NWFILTER => ("Invalid network filter", "Invalid network filter"),
        ErrorCode::BUILD_FIREWALL => ("Error while building firewall", "Error while building firewall"),
        ErrorCode::INVALID_SECRET => ("Invalid secret", "Invalid secret"),
        ErrorCode::MIGRATE_PERSIST_FAILED => {
            ("Failed to make domain persistent after migration", "Failed to make domain persistent after migration")
        }
        ErrorCode::INVALID_DOMAIN_SNAPSHOT => ("Invalid domain snapshot", "Invalid domain snapshot"),
        ErrorCode::STORAGE_PROBE_FAILED => ("Storage pool probe failed", "Storage pool probe failed"),
        ErrorCode::STORAGE_POOL_BUILT => ("Storage pool already built", "Storage pool already built"),
        ErrorCode::SNAPSHOT_REVERT_RISKY => ("revert requires force", "revert requires force"),
        ErrorCode::MIGRATE_UNSAFE => ("Unsafe migration", "Unsafe migration"),
        ErrorCode::BLOCK_COPY_ACTIVE => ("block copy still active", "block copy still active"),
        ErrorCode::SSH => ("SSH transport error", "SSH transport error"),
        ErrorCode::RESOURCE_BUSY => ("resource busy", "resource busy"),
        ErrorCode::DBUS_SERVICE => ("error from service", "error from service"),
        ErrorCode::CPU_INCOMPATIBLE => {
            ("the CPU is incompatible with host CPU", "the CPU is incompatible with host CPU")
        }
        ErrorCode::MIGRATE_FINISH_OK => ("migration successfully aborted", "migration successfully aborted"),
        ErrorCode::AGENT_UNSYNCED => (
            "guest agent replied with wrong id to guest-sync command",
            "guest agent replied with wrong id to guest-sync command",
        ),
        ErrorCode::LIBSSH => ("libssh transport error", "libssh transport error"),
        ErrorCode::DEVICE_MISSING => ("device not found", "device not found"),
        ErrorCode::INVALID_NWFILTER_BINDING => ("Invalid network filter binding", "Invalid network filter binding"),
        ErrorCode::NO_NWFILTER_BINDING => ("Network filter binding not found", "Network filter binding not found"),
        ErrorCode::INVALID_DOMAIN_CHECKPOINT => ("Invalid domain checkpoint", "Invalid domain checkpoint"),
        ErrorCode::NO_DOMAIN_BACKUP => ("Domain backup job id not found", "Domain backup job id not found"),
        ErrorCode::INVALID_NETWORK_PORT => ("Invalid network port pointer", "Invalid network port pointer"),
        ErrorCode::NO_NETWORK_PORT => ("network port not found", "network port not found"),
        ErrorCode::NO_HOSTNAME => ("no hostname found", "no hostname found"),
        ErrorCode::CHECKPOINT_INCONSISTENT => ("checkpoint inconsistent", "checkpoint inconsistent"),
        ErrorCode::MULTIPLE_DOMAINS => ("multiple matching domains found", "multiple matching domains found"),
        ErrorCode::INVALID_MAC => ("invalid MAC address", "invalid MAC address"),
        ErrorCode::CALL_FAILED => ("library call failed", "library call failed"),
        ErrorCode::NETWORK_EXIST => ("this network exists already", "network {} exists already"),
        ErrorCode::INVALID_NETWORK => ("invalid network pointer in", "invalid network pointer in {}"),
        ErrorCode::INVALID_STORAGE_POOL => ("invalid storage pool pointer in", "invalid storage pool pointer in {}"),
        ErrorCode::INVALID_STORAGE_VOL => ("invalid storage volume pointer in", "invalid storage volume pointer in {}"),
        ErrorCode::INVALID_NODE_DEVICE => ("invalid node device pointer", "invalid node device pointer in {}"),
        ErrorCode::INVALID_INTERFACE => ("invalid interface pointer in", "invalid interface pointer in {}"),
        ErrorCode::INVALID_STREAM => ("invalid stream pointer", "invalid stream pointer in {}"),
        ErrorCode::STORAGE_VOL_EXIST => ("this storage volume exists already", "storage volume {} exists already"),
        ErrorCode::NETWORK_PORT_EXIST => ("this network port exists already", "network port {} exists already"),
        _ => ("unknown error", ""),
    }
}
