//! TCP in the clear.

use oxivirt_core::interface::Features;

use super::Outcome;
use super::place::{ask, free_port, listening, open, refused, text, with_each, works};

fn settings(port: u16, more: &str) -> String {
    format!("listen_addr = \"127.0.0.1\"\nlisten_tls = 0\nlisten_tcp = 1\ntcp_port = \"{port}\"\n{more}")
}

#[test]
fn servers_are_reached_and_nobody_takes_it_for_safe() -> Outcome {
    with_each(|_, program| {
        let port = free_port()?;
        let sandbox = listening(program, port, &settings(port, "auth_tcp = \"none\"\n"))?;
        for host in ["127.0.0.1", "localhost"] {
            let client = open(&format!("test+tcp://{host}:{port}/default"), sandbox.root()).map_err(text)?;
            works(&client)?;
            let way = client.transport();
            assert_eq!((way.is_alive(), way.is_secure(), way.is_encrypted()), (true, false, false));
            assert_eq!(ask("connect_is_secure", |call| client.connect_is_secure(call))?, 0);
            for (feature, wanted) in [(8, 0), (10, 1), (15, 1)] {
                let has = ask("connect_supports_feature", |call| client.connect_supports_feature(call, feature))?;
                assert_eq!(has, wanted, "feature {feature}");
            }
        }
        Ok(())
    })
}

#[test]
fn passwords_are_not_said_aloud() -> Outcome {
    with_each(|name, program| {
        let port = free_port()?;
        let mut settings = settings(port, "auth_tcp = \"sasl\"\n");
        if name == "stock" {
            // Its mechanisms would want a file of users; none of them encrypts either.
            settings += "log_filters = \"4:*\"\n";
        }
        let sandbox = listening(program, port, &settings)?;
        let error = refused(open(&format!("test+tcp://u@127.0.0.1:{port}/default"), sandbox.root()), &[])?;
        assert!(error.message().contains("SASL") || error.message().contains("authentication failed"), "{error}");
        Ok(())
    })
}

#[test]
fn hosts_that_cannot_be_reached_are_named() -> Outcome {
    let folder = tempfile::tempdir().map_err(text)?;
    let port = free_port()?;
    refused(open(&format!("test+tcp://127.0.0.1:{port}/default"), folder.path()), &["127.0.0.1", &port.to_string()])?;
    refused(open("test+tcp://no-such-host.invalid/default", folder.path()), &["no-such-host.invalid"]).map(drop)
}
