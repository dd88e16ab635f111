//! Every key of `libvirtd.conf`, its type, and whether it has an effect yet.

use oxivirt_util::config::{Key, Kind};

const fn works(name: &'static str, kind: Kind) -> Key {
    Key::works(name, kind)
}

const fn accepted(name: &'static str, kind: Kind) -> Key {
    Key::accepted(name, kind)
}

/// The keys in the order of the template.
pub(super) const KEYS: &[Key] = &[
    works("listen_tls", Kind::Switch),
    works("listen_tcp", Kind::Switch),
    works("tls_port", Kind::Text),
    works("tcp_port", Kind::Text),
    works("listen_addr", Kind::Text),
    works("unix_sock_group", Kind::Text),
    works("unix_sock_ro_perms", Kind::Permissions),
    works("unix_sock_rw_perms", Kind::Permissions),
    works("unix_sock_admin_perms", Kind::Permissions),
    works("unix_sock_dir", Kind::Text),
    works("auth_unix_ro", Kind::Text),
    works("auth_unix_rw", Kind::Text),
    works("auth_tcp", Kind::Text),
    works("auth_tls", Kind::Text),
    works("tcp_min_ssf", Kind::Unsigned),
    works("access_drivers", Kind::Texts),
    works("key_file", Kind::Text),
    works("cert_file", Kind::Text),
    works("ca_file", Kind::Text),
    works("crl_file", Kind::Text),
    works("tls_no_sanity_certificate", Kind::Switch),
    works("tls_no_verify_certificate", Kind::Switch),
    works("tls_allowed_dn_list", Kind::Texts),
    works("tls_priority", Kind::Text),
    works("sasl_allowed_username_list", Kind::Texts),
    works("sasl_users_file", Kind::Text),
    works("max_clients", Kind::Unsigned),
    works("max_queued_clients", Kind::Unsigned),
    works("max_anonymous_clients", Kind::Unsigned),
    works("min_workers", Kind::Unsigned),
    works("max_workers", Kind::Unsigned),
    works("prio_workers", Kind::Unsigned),
    accepted("max_requests", Kind::Unsigned),
    works("max_client_requests", Kind::Unsigned),
    works("admin_min_workers", Kind::Unsigned),
    works("admin_max_workers", Kind::Unsigned),
    works("admin_max_clients", Kind::Unsigned),
    works("admin_max_queued_clients", Kind::Unsigned),
    works("admin_max_client_requests", Kind::Unsigned),
    works("log_level", Kind::Unsigned),
    works("log_filters", Kind::Text),
    works("log_outputs", Kind::Text),
    accepted("audit_level", Kind::Unsigned),
    accepted("audit_logging", Kind::Switch),
    works("host_uuid", Kind::Text),
    works("host_uuid_source", Kind::Text),
    works("keepalive_interval", Kind::Number),
    works("keepalive_count", Kind::Unsigned),
    accepted("keepalive_required", Kind::Switch),
    accepted("admin_keepalive_required", Kind::Switch),
    works("admin_keepalive_interval", Kind::Number),
    works("admin_keepalive_count", Kind::Unsigned),
    accepted("ovs_timeout", Kind::Unsigned),
    works("events_script", Kind::Text),
    works("events_set", Kind::Texts),
    works("hook_timeout", Kind::Unsigned),
    works("isolation", Kind::Text),
    works("isolated_plugins", Kind::Texts),
    works("isolation_start_limit", Kind::Unsigned),
];
