//! The facts that users of the stock test driver know, word for word.

use std::path::PathBuf;

use oxivirt_core::constants::{DomainCreateFlags, DomainDefineFlags, DomainXmlFlags};
use oxivirt_core::interface::{Connect, DomainInformation, DomainLifecycle, DomainListing, DomainMetadata};
use oxivirt_core::plugin::{Driver, OpenFlags, Start};
use oxivirt_core::{Call, Error, ErrorCode, Result};
use oxivirt_driver_test::{TestConnection, TestDriver};
use oxivirt_tests::contract::recording_host;

fn driver() -> TestDriver {
    let (host, _) = recording_host(std::env::temp_dir());
    match TestDriver::start(host) {
        Ok(Start::Ready(driver)) => driver,
        _ => panic!("the driver starts"),
    }
}

fn open(driver: &TestDriver, uri: &str) -> Result<TestConnection> {
    Call::internal("open", |call| driver.open(call, uri, OpenFlags::EMPTY)).map(|opened| opened.connection)
}

fn default<T>(body: impl FnOnce(&TestConnection, &Call) -> T) -> T {
    let connection = open(&driver(), "test:///default").expect("opens");
    Call::internal("test", |call| body(&connection, call))
}

fn data(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_default_documents_are_known() {
    default(|connection, call| {
        let domain = connection.domain_lookup_by_name(call, "test").expect("is there");
        assert_eq!(domain.id, 1);
        let print = |flags| connection.domain_get_xml_desc(call, &domain, flags).expect("prints");
        assert_eq!(print(DomainXmlFlags::EMPTY), data("default.xml"));
        assert_eq!(print(DomainXmlFlags::INACTIVE), data("default.xml").replacen(" id='1'", "", 1));
        assert_eq!(connection.connect_get_capabilities(call).expect("answers"), data("capabilities.xml"));
        let domain_capabilities = connection.connect_get_domain_capabilities(call, None, None, None, None, 0);
        assert_eq!(domain_capabilities.expect("answers"), data("domain-capabilities.xml"));
        assert_eq!(connection.connect_get_type(call).expect("answers"), "TEST");
    });
}

#[test]
fn refusals_are_worded_as_known() {
    default(|connection, call| {
        let domain = connection.domain_lookup_by_name(call, "test").expect("is there");
        let said = |answer: Result<()>| {
            let error: Error = answer.expect_err("refused");
            (error.code().0, error.domain().0, error.message().to_owned())
        };
        let text = |code: i32, domain: i32, text: &str| (code, domain, text.to_owned());
        assert_eq!(
            said(connection.domain_create(call, &domain)),
            text(1, 12, "internal error: Domain 'test' is already running")
        );
        assert_eq!(
            said(connection.domain_resume(call, &domain)),
            text(1, 12, "internal error: domain 'test' not paused")
        );
        assert_eq!(
            said(connection.domain_create_with_flags(call, &domain, DomainCreateFlags(1)).map(drop)),
            text(8, 12, "unsupported flags (0x1) in function testDomainCreateWithFlags")
        );
        connection.domain_destroy(call, &domain).expect("stops");
        assert_eq!(
            said(connection.domain_destroy(call, &domain)),
            text(55, 20, "Requested operation is not valid: domain is not running")
        );
        assert_eq!(
            said(connection.domain_rename(call, &domain, Some("test"), 0).map(drop)),
            text(55, 20, "Requested operation is not valid: Can't rename domain to itself")
        );
        connection.domain_undefine(call, &domain).expect("goes");
        assert_eq!(
            said(connection.domain_get_info(call, &domain).map(drop)),
            text(
                42,
                12,
                "Domain not found: no domain with matching uuid '6695eb01-f6a4-8304-79aa-97f2502e193f' (test)"
            )
        );
        assert_eq!(said(connection.domain_lookup_by_name(call, "test").map(drop)), text(42, 12, "Domain not found"));
    });
}

#[test]
fn the_schema_refuses_what_it_does_not_know() {
    default(|connection, call| {
        let define = |extra: &str| {
            let xml = format!(
                "<domain type='test'><name>v</name><memory>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os>{extra}</domain>"
            );
            connection.domain_define_xml_flags(call, &xml, DomainDefineFlags::VALIDATE)
        };
        let error = define("<foo/>").expect_err("refused");
        if error.code() == ErrorCode::ARGUMENT_UNSUPPORTED {
            return eprintln!("SKIPPED: {error}");
        }
        assert_eq!(
            error.message(),
            "XML document failed to validate against schema: Unable to validate doc against \
             /usr/share/libvirt/schemas/domain.rng\nElement domain has extra content: foo\n"
        );
        define("").expect("fits");
    });
}

#[test]
fn connections_share_the_default_host_until_the_last_closes() {
    let driver = driver();
    let (one, other) =
        (open(&driver, "test:///default").expect("opens"), open(&driver, "test:///default").expect("opens"));
    Call::internal("test", |call| {
        let domain = one.domain_lookup_by_name(call, "test").expect("is there");
        one.domain_destroy(call, &domain).expect("stops");
        one.domain_undefine(call, &domain).expect("goes");
        drop(one);
        assert_eq!(other.connect_num_of_defined_domains(call).expect("counts"), 0);
        drop(other);
        let fresh = open(&driver, "test:///default").expect("opens");
        assert_eq!(fresh.connect_num_of_domains(call).expect("counts"), 1);
    });
}

#[test]
fn a_file_describes_a_host_of_its_own() {
    let driver = driver();
    let folder = tempfile::tempdir().expect("a folder");
    let domain = "<domain type='test'><name>there</name><memory>2048</memory><os><type>hvm</type></os></domain>";
    std::fs::write(folder.path().join("there.xml"), domain).expect("written");
    let file = folder.path().join("node.xml");
    let load = |text: &str| {
        std::fs::write(&file, text).expect("written");
        open(&driver, &format!("test://{}", file.display()))
    };
    let state = |inside: &str| {
        format!(
            "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name>\
             <memory>1</memory><os><type>hvm</type></os>{inside}</domain></node>"
        )
    };
    Call::internal("test", |call| {
        let text = "<node><domain file='there.xml'/><cpu><mhz>6000</mhz><model>x86_64</model><active>4</active>\
                    <nodes>1</nodes><sockets>1</sockets><cores>4</cores><threads>1</threads></cpu><memory>1000</memory></node>";
        let one = load(text).expect("opens");
        let info = oxivirt_core::interface::Node::node_get_info(&one, call).expect("answers");
        assert_eq!((info.model.as_str(), info.memory, info.cpus, info.mhz), ("x86_64", 1000, 4, 6000));
        let there = one.domain_lookup_by_name(call, "there").expect("is there");
        assert_eq!(there.id, 1);
        one.domain_destroy(call, &there).expect("stops");
        let other = load(text).expect("opens");
        assert_eq!(other.connect_num_of_domains(call).expect("counts"), 1, "another host");

        let paused = load(&state("<test:runstate>3</test:runstate><test:transient/>")).expect("opens");
        let domain = paused.domain_lookup_by_name(call, "a").expect("is there");
        assert_eq!(paused.domain_get_state(call, &domain, 0).expect("answers").state, 3);
        assert!(!paused.domain_is_persistent(call, &domain).expect("answers"));
        let saved = load(&state("<test:runstate>5</test:runstate><test:hasmanagedsave/>")).expect("opens");
        let domain = saved.domain_lookup_by_name(call, "a").expect("is there");
        assert!(saved.domain_has_managed_save_image(call, &domain, 0).expect("answers"));
        let error = saved.domain_undefine(call, &domain).expect_err("refused");
        assert_eq!(
            error.message(),
            "Requested operation is not valid: Refusing to undefine while domain managed save image exists"
        );
        saved.domain_create(call, &domain).expect("starts");
        assert!(!saved.domain_has_managed_save_image(call, &domain, 0).expect("answers"));
    });
    for (text, said) in [
        ("<foo/>".to_owned(), "XML error: expecting root element of 'node', not 'foo'"),
        (state("<test:runstate>9</test:runstate>"), "XML error: runstate '9' out of range'"),
        (state("<test:runstate>x</test:runstate>"), "XML error: invalid runstate"),
        (
            state("<test:runstate>5</test:runstate><test:transient/>"),
            "XML error: transient domain cannot have runstate 'shutoff'",
        ),
        (state("<test:hasmanagedsave/>"), "XML error: domain with managedsave data can only have runstate 'shutoff'"),
        ("<node><cpu><active>foo</active></cpu></node>".to_owned(), "XML error: invalid node cpu active value"),
        ("<node><cpu><active>-3</active></cpu></node>".to_owned(), "XML error: invalid node cpu active value"),
    ] {
        assert_eq!(load(&text).map(drop).expect_err(&text).message(), said, "{text}");
    }
    for bad in ["test:///", "test:", "test:///nonexistent.xml", "test://elsewhere/default"] {
        assert!(open(&driver, bad).is_err(), "{bad}");
    }
}

#[test]
fn each_network_card_gets_a_device() {
    default(|connection, call| {
        let xml = "<domain type='test'><name>net</name><memory>1</memory><os><type>hvm</type></os><devices>\
                   <interface type='user'><target dev='testnet0'/></interface><interface type='user'/><interface type='user'/>\
                   </devices></domain>";
        let domain = connection.domain_define_xml(call, xml).expect("is defined");
        let text = connection.domain_get_xml_desc(call, &domain, DomainXmlFlags::EMPTY).expect("prints");
        let devices: Vec<_> = text.lines().filter(|line| line.contains("<target dev=")).map(str::trim).collect();
        assert_eq!(devices, ["<target dev='testnet0'/>", "<target dev='testnet1'/>", "<target dev='testnet2'/>"]);
        let missing = connection.domain_get_metadata(
            call,
            &domain,
            oxivirt_core::constants::DomainMetadataType::TITLE,
            None,
            Default::default(),
        );
        assert_eq!(
            missing.expect_err("none").message(),
            "metadata not found: Requested metadata element is not present"
        );
    });
}

/// A client that came through the read-only door.
struct Reader;

impl oxivirt_core::call::Context for Reader {
    fn name(&self) -> &str {
        "domain_get_xml_desc"
    }

    fn is_read_only(&self) -> bool {
        true
    }
}

#[test]
fn readers_are_not_shown_secrets() {
    let connection = open(&driver(), "test:///default").expect("opens");
    Call::with(&Reader, |call| {
        let domain = connection.domain_lookup_by_name(call, "test").expect("is there");
        let print = |flags| connection.domain_get_xml_desc(call, &domain, flags);
        print(DomainXmlFlags::INACTIVE).expect("is no secret");
        for flags in [DomainXmlFlags::SECURE, DomainXmlFlags::MIGRATABLE] {
            let error = print(flags).expect_err("refused");
            assert_eq!(error.message(), "operation forbidden: virDomainGetXMLDesc with secure flag");
        }
    });
}

#[test]
fn many_clients_at_once_leave_nothing_behind() {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 50;
    let (host, recorder) = recording_host(std::env::temp_dir());
    let Ok(Start::Ready(driver)) = TestDriver::start(host) else { panic!("the driver starts") };
    let opened = Call::internal("open", |call| driver.open(call, "test:///default", OpenFlags::EMPTY)).expect("opens");
    let (connection, events) = (opened.connection, recorder.channel(opened.channel));
    let life = |call: &Call, name: &str| {
        let xml =
            format!("<domain type='test'><name>{name}</name><memory>1</memory><os><type>hvm</type></os></domain>");
        let domain = connection.domain_define_xml(call, &xml)?;
        connection.domain_create(call, &domain)?;
        connection.domain_suspend(call, &domain)?;
        assert!(connection.connect_list_all_domains(call, true, Default::default())?.count > 0);
        connection.domain_destroy(call, &domain)?;
        connection.domain_undefine(call, &domain)
    };
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let life = &life;
            scope.spawn(move || {
                Call::internal("test", |call| {
                    for round in 0..ROUNDS {
                        life(call, &format!("own-{client}-{round}")).expect("nobody else knows its name");
                        // Everybody wants this one; whoever loses is refused and nothing else.
                        let _ = life(call, "shared");
                    }
                });
            });
        }
    });
    Call::internal("test", |call| {
        assert_eq!(connection.connect_num_of_domains(call).expect("counts"), 1, "only the first domain runs");
        let left = connection.connect_list_defined_domains(call, 16_384).expect("lists");
        assert!(left.iter().all(|name| name.as_str() == "shared"), "{left:?}");
    });
    let wanted: Vec<_> = [(0, 0), (2, 0), (3, 0), (5, 1), (1, 0)].map(Some).into();
    let events = events.wait(CLIENTS * ROUNDS * wanted.len(), std::time::Duration::from_secs(10));
    for client in 0..CLIENTS {
        let name = format!("own-{client}-{}", ROUNDS - 1);
        let told: Vec<_> =
            events.iter().filter(|event| event.domain.name.as_str() == name).map(|event| event.lifecycle()).collect();
        assert_eq!(told, wanted, "{name}: each event once and in order");
    }
}
