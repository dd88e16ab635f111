//! What is done through our daemon happens in the other one.

use oxivirt_tests::sandbox::Sandbox;

use super::{Outcome, hold, ours, start, through, with_each};

#[test]
fn domains_of_the_other_daemon_are_driven() -> Outcome {
    with_each(|chain| {
        let _held = hold(&chain.inner)?;
        let (far, near) = (chain.uri("test", "/default"), chain.inner.uri("test", "/default"));
        assert_eq!(chain.virsh(&far, &["list", "--all", "--name"])?.trim(), "test");
        chain.virsh(&far, &["suspend", "test"])?;
        assert_eq!(chain.virsh(&near, &["domstate", "test"])?.trim(), "paused");
        chain.virsh(&near, &["resume", "test"])?;
        assert_eq!(chain.virsh(&far, &["domstate", "test"])?.trim(), "running");
        assert_eq!(chain.virsh(&far, &["dumpxml", "test"])?, chain.virsh(&near, &["dumpxml", "test"])?);
        assert_eq!(chain.virsh(&far, &["net-list", "--all"])?, chain.virsh(&near, &["net-list", "--all"])?);
        assert_eq!(
            chain.virsh(&far, &["pool-dumpxml", "default-pool"])?,
            chain.virsh(&near, &["pool-dumpxml", "default-pool"])?
        );
        // An error is the one of the daemon that knows.
        let (there, here) =
            (chain.outer.virsh(&far, &["dominfo", "nobody"])?, chain.inner.virsh(&near, &["dominfo", "nobody"])?);
        assert_eq!(there.stderr, here.stderr);
        Ok(())
    })
}

#[test]
fn a_dead_daemon_is_told_and_its_successor_reached() -> Outcome {
    with_each(|mut chain| {
        let uri = chain.uri("test", "/default");
        chain.virsh(&uri, &["list"])?;
        chain.inner.kill();
        let finished = chain.outer.virsh(&uri, &["list"])?;
        let socket = chain.inner.socket().display().to_string();
        assert!(!finished.status.success() && finished.stderr.contains(&socket), "{}", finished.text());
        // Everything else goes on meanwhile.
        chain.virsh(&chain.outer.uri("test", "/default"), &["list"])?;
        chain.inner.launch()?;
        assert_eq!(chain.virsh(&uri, &["list", "--all", "--name"])?.trim(), "test");
        Ok(())
    })
}

#[test]
fn who_only_looks_does_not_come_further() -> Outcome {
    with_each(|chain| {
        let uri = through_read_only(&chain.outer, &chain.inner);
        let finished = chain.outer.virsh(&uri, &["-r", "list"])?;
        assert!(
            !finished.status.success() && finished.stderr.contains("may connect to other daemons"),
            "{}",
            finished.text()
        );
        Ok(())
    })
}

fn through_read_only(outer: &Sandbox, inner: &Sandbox) -> String {
    let uri = through(outer, &inner.uri("test", "/default"));
    uri.replace("libvirt-sock&", "libvirt-sock-ro&")
}

#[test]
fn three_daemons_in_a_row_answer_as_one() -> Outcome {
    with_each(|chain| {
        let _held = hold(&chain.inner)?;
        let first = start(ours()?)?;
        let uri = through(&first, &chain.uri("test", "/default"));
        chain.virsh(&uri, &["suspend", "test"])?;
        let near = chain.inner.uri("test", "/default");
        assert_eq!(chain.virsh(&near, &["domstate", "test"])?.trim(), "paused");
        Ok(())
    })
}
