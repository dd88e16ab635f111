//! Sockets of this machine.

use std::os::unix::fs::symlink;

use oxivirt_core::interface::{Connect, DomainLifecycle, DomainListing, Features};
use oxivirt_core::plugin::OpenFlags;

use super::Outcome;
use super::place::{Heard, ask, open, open_with, refused, start, text, with_each, works};

#[test]
fn sockets_are_found_by_mode() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let run = sandbox.root().join("run/libvirt");
        works(&open("test+unix:///default", sandbox.root()).map_err(text)?)?;
        works(&open("test+unix:///default?mode=legacy", sandbox.root()).map_err(text)?)?;
        refused(open("test+unix:///default?mode=direct", sandbox.root()), &["virttestd-sock"])?;
        symlink("libvirt-sock", run.join("virttestd-sock")).map_err(text)?;
        works(&open("test+unix:///default?mode=direct", sandbox.root()).map_err(text)?)?;
        std::fs::create_dir_all(sandbox.root().join("client")).map_err(text)?;
        let defaults = sandbox.root().join("client/libvirt.conf");
        std::fs::write(&defaults, "remote_mode = \"odd\"\n").map_err(text)?;
        refused(open("test+unix:///default", sandbox.root()), &["libvirt.conf", "odd"])?;
        Ok(())
    })
}

#[test]
fn the_way_is_safe_and_not_encrypted() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let client = open(&sandbox.uri("test", "/default"), sandbox.root()).map_err(text)?;
        let way = client.transport();
        assert_eq!((way.is_alive(), way.is_secure(), way.is_encrypted()), (true, true, false));
        assert_eq!(ask("connect_is_secure", |call| client.connect_is_secure(call))?, 1);
        for (feature, wanted) in [(8, 1), (9, 1), (10, 1), (14, 1), (15, 1), (6, 0), (4711, 0)] {
            let has = ask("connect_supports_feature", |call| client.connect_supports_feature(call, feature))?;
            assert_eq!(has, wanted, "feature {feature}");
        }
        Ok(())
    })
}

#[test]
fn who_only_looks_changes_nothing() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let heard = Heard::default();
        let client = open_with("test+unix:///default", sandbox.root(), OpenFlags::READ_ONLY, &heard).map_err(text)?;
        let domain = ask("domain_lookup_by_name", |call| client.domain_lookup_by_name(call, "test"))?;
        let answer = ask("domain_suspend", |call| client.domain_suspend(call, &domain));
        assert!(answer.is_err(), "{answer:?}");
        ask("connect_get_hostname", |call| client.connect_get_hostname(call)).map(drop)
    })
}

#[test]
fn what_does_not_fit_is_named() -> Outcome {
    let folder = tempfile::tempdir().map_err(text)?;
    refused(open("test+unix:///default", folder.path()), &["libvirt-sock"])?;
    refused(open("test+unix://box/default", folder.path()), &["box"])?;
    refused(open("test+unix:///default?auth=guess", folder.path()), &["auth", "guess"])?;
    let sandbox = start(super::place::ours()?)?;
    refused(open(&sandbox.uri("nobody", "/"), sandbox.root()), &["nobody"])?;
    let uri = |auth: &str| format!("{}&auth={auth}", sandbox.uri("test", "/default"));
    refused(open(&uri("sasl"), sandbox.root()), &["auth"])?;
    refused(open(&uri("polkit"), sandbox.root()), &["auth"])?;
    works(&open(&uri("none"), sandbox.root()).map_err(text)?)
}
