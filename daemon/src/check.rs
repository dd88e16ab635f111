//! Finding every mistake of the configuration without serving anybody.

use oxivirt_util::accounts;
use oxivirt_util::paths::Root;

use crate::options::Options;
use crate::{access, lines, network, plugins, read_settings, sockets};

/// Reads everything that a start would read.
///
/// Certificates are looked at when the TLS socket would be opened or a file of
/// theirs is configured.
///
/// Errors: all mistakes, a line each.
pub(crate) fn check(options: &Options, root: &Root) -> Result<(), String> {
    let settings = read_settings(options, root).map_err(lines)?;
    let mut wrong = Vec::new();
    if let Some(group) = &settings.sockets.group
        && accounts::group_id(group).is_none()
    {
        wrong.push(format!("there is no group '{group}' for the sockets ('unix_sock_group')"));
    }
    for (key, port) in [("tls_port", &settings.network.tls_port), ("tcp_port", &settings.network.tcp_port)] {
        wrong.extend(network::port_number(port).err().map(|error| format!("'{key}': {error}")));
    }
    let files = &settings.tls.files;
    let are_named =
        [&files.key, &files.certificate, &files.authorities, &files.revoked].iter().any(|file| file.is_some());
    let tls = are_named || (options.listen && settings.network.tls);
    wrong.extend(sockets::admission(root, &settings, tls).err().into_iter().flatten());
    wrong.extend(access::check(&settings.access, root.config()).err().into_iter().flatten());
    let apart = plugins::check(options, &settings.isolation);
    wrong.extend(apart.as_ref().err().into_iter().flatten().cloned());
    if !wrong.is_empty() {
        return Err(lines(wrong));
    }
    if let Ok(apart) = apart
        && !apart.is_empty()
    {
        println!("plugins in processes of their own: {}", apart.join(", "));
    }
    Ok(())
}
