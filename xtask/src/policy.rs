//! The actions that polkit has to know: one per permission of the access rules,
//! and the two about coming in through a Unix socket.
//!
//! They are made from the interface, so a new permission has its action.

use std::collections::BTreeSet;
use std::fmt::Write;

use oxivirt_core::interface::all_calls;

/// Where polkit looks for them below `share`.
pub(crate) const FOLDER: &str = "share/polkit-1/actions";

/// What is done without a rule of the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Default {
    Yes,
    No,
    /// After the password of an administrator, which is remembered for a while.
    Password,
}

struct Action {
    id: String,
    /// What the action is, such as `Start a domain`.
    description: String,
    default: Default,
}

/// Names and texts of the files.
///
/// Errors: a permission for which there are no words.
pub(crate) fn files() -> Result<[(&'static str, String); 2], String> {
    let unix = [
        ("monitor", "Look at the virtual machines of this host", Default::Yes),
        ("manage", "Manage the virtual machines of this host", Default::Password),
    ];
    let unix = unix.map(|(name, description, default)| Action {
        id: format!("org.libvirt.unix.{name}"),
        description: description.to_owned(),
        default,
    });
    let api = permissions().into_iter().map(|(object, permission)| action(object, permission));
    let api = api.collect::<Result<Vec<_>, _>>()?;
    Ok([("org.libvirt.unix.policy", text(&unix)), ("org.libvirt.api.policy", text(&api))])
}

/// Every object and permission that some call asks for.
fn permissions() -> BTreeSet<(&'static str, &'static str)> {
    let rules = all_calls().flat_map(|call| call.acl.iter().chain(call.filter));
    rules
        .filter_map(|rule| rule.split_once(':'))
        .map(|(kind, rest)| (kind, rest.split(':').next().unwrap_or(rest)))
        .collect()
}

fn action(object: &str, permission: &str) -> Result<Action, String> {
    let noun = noun(object).ok_or_else(|| format!("there is no word for the object '{object}'"))?;
    let words = words(permission).ok_or_else(|| format!("there are no words for the permission '{permission}'"))?;
    let looks = matches!(permission, "getattr" | "read") || object == "connect" && permission.starts_with("search_");
    Ok(Action {
        id: format!("org.libvirt.api.{object}.{permission}").replace('_', "-"),
        description: words.replace("{}", noun),
        default: if looks { Default::Yes } else { Default::No },
    })
}

fn noun(object: &str) -> Option<&'static str> {
    Some(match object {
        "connect" => "the host",
        "domain" => "a domain",
        "interface" => "a network interface of the host",
        "network" => "a virtual network",
        "network_port" => "a port of a virtual network",
        "node_device" => "a device of the host",
        "nwfilter" => "a network filter",
        "nwfilter_binding" => "the filtering of a network device",
        "secret" => "a secret",
        "storage_pool" => "a storage pool",
        "storage_vol" => "a storage volume",
        _ => return None,
    })
}

/// What a permission lets somebody do, `{}` for the object.
fn words(permission: &str) -> Option<&'static str> {
    Some(match permission {
        "getattr" => "See that {} is there",
        "read" => "Read the state and configuration of {}",
        "read_secure" => "Read what is secret about {}",
        "write" => "Change {}",
        "save" => "Keep the configuration of {} for good",
        "delete" => "Remove {}",
        "create" => "Create {}",
        "start" => "Start {}",
        "stop" => "Stop {}",
        "reset" => "Reset {}",
        "suspend" => "Suspend and resume {}",
        "hibernate" => "Save {} to a file and stop it",
        "migrate" => "Move {} to another host",
        "snapshot" => "Make, use and remove snapshots of {}",
        "checkpoint" => "Make and remove checkpoints of {}",
        "core_dump" => "Write the memory of {} to a file",
        "mem_read" => "Look into the memory of {}",
        "block_read" => "Look into the disks of {}",
        "block_write" => "Change the size and the chains of the disks of {}",
        "screenshot" => "See the screen of {}",
        "send_input" => "Press keys of {}",
        "send_signal" => "Send signals to processes of {}",
        "inject_nmi" => "Interrupt {} for diagnosis",
        "init_control" => "Ask the first process of {} to stop or restart it",
        "pm_control" => "Put {} to sleep and wake it",
        "open_device" => "Use a console or channel of {}",
        "open_graphics" => "Use the screen of {} directly",
        "open_namespace" => "Enter the namespaces of {}",
        "fs_trim" => "Give unused blocks of the file systems of {} back",
        "fs_freeze" => "Freeze the file systems of {}",
        "set_time" => "Set the clock of {}",
        "set_password" => "Set passwords of users of {}",
        "detach" => "Take {} from its driver and give it back",
        "format" => "Overwrite or prepare the storage of {}",
        "refresh" => "Look again at what is in {}",
        "resize" => "Change the size of {}",
        "data_read" => "Read the content of {}",
        "data_write" => "Write the content of {}",
        "detect_storage_pools" => "Look for storage that {} could use",
        "interface_transaction" => "Begin, keep or undo changes to the network interfaces of {}",
        "search_domains" => "List the domains of {}",
        "search_interfaces" => "List the network interfaces of {}",
        "search_networks" => "List the virtual networks of {}",
        "search_ports" => "List the ports of {}",
        "search_node_devices" => "List the devices of {}",
        "search_nwfilters" => "List the network filters of {}",
        "search_nwfilter_bindings" => "List the filtered network devices of {}",
        "search_secrets" => "List the secrets of {}",
        "search_storage_pools" => "List the storage pools of {}",
        "search_storage_vols" => "List the volumes of {}",
        _ => return None,
    })
}

/// A file of actions.
fn text(actions: &[Action]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE policyconfig PUBLIC \"-//freedesktop//DTD PolicyKit Policy Configuration 1.0//EN\"\n \
         \"http://www.freedesktop.org/standards/PolicyKit/1/policyconfig.dtd\">\n\
         <!-- Rules of your own belong in /etc/polkit-1/rules.d, not here. -->\n<policyconfig>\n  <vendor>Oxivirt</vendor>\n",
    );
    for Action { id, description, default } in actions {
        let answer = match default {
            Default::Yes => "yes",
            Default::No => "no",
            Default::Password => "auth_admin_keep",
        };
        let mut message = description.clone();
        if let Some(first) = message.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        let _ = write!(
            text,
            "\n  <action id=\"{id}\">\n    <description>{description}</description>\n    \
             <message>You are not allowed to {message}</message>\n    <defaults>\n"
        );
        for who in ["allow_any", "allow_inactive", "allow_active"] {
            let _ = writeln!(text, "      <{who}>{answer}</{who}>");
        }
        text.push_str("    </defaults>\n  </action>\n");
    }
    text.push_str("</policyconfig>\n");
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use oxivirt_tests::{process, skip};

    /// Ids with the first of their defaults, as a file has them.
    fn actions(text: &str) -> Vec<(String, String)> {
        let between = |text: &str, before: &str, after: &str| {
            text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map(|(value, _)| value.to_owned())
        };
        let blocks = text.split("<action ").skip(1);
        let mut all: Vec<_> = blocks
            .map(|block| {
                (between(block, "id=\"", "\"").unwrap(), between(block, "<allow_any>", "</allow_any>").unwrap())
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn every_permission_has_an_action_with_its_own_words() {
        let [(_, unix), (_, api)] = files().unwrap();
        assert_eq!(actions(&api).len(), permissions().len());
        let mut descriptions: Vec<&str> =
            api.lines().chain(unix.lines()).filter(|line| line.contains("<description>")).collect();
        let count = descriptions.len();
        descriptions.sort_unstable();
        descriptions.dedup();
        assert_eq!(descriptions.len(), count);
        assert!(!api.contains('_') || !api.contains("id=\"org.libvirt.api.storage_"), "ids have hyphens");
    }

    #[test]
    fn ids_and_defaults_are_those_that_rules_were_written_for() {
        for (name, ours) in files().unwrap() {
            let Ok(stock) = std::fs::read_to_string(format!("/usr/share/polkit-1/actions/{name}")) else {
                return skip::skip("the stock daemon's polkit actions are not installed");
            };
            assert_eq!(actions(&ours), actions(&stock), "{name}");
        }
    }

    #[test]
    fn the_files_are_well_formed() {
        if skip::lacks(&["xmllint"]) {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files().unwrap() {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let mut xmllint = std::process::Command::new("xmllint");
            xmllint.args(["--nonet", "--noout"]).arg(&file);
            process::succeed(&mut xmllint, name, std::time::Duration::from_secs(20)).unwrap();
        }
    }
}
