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
        _ => ("unknown error", ""),
    }
}
