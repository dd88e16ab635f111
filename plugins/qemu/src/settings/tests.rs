#![allow(clippy::unwrap_used)]

use super::*;

fn read(text: &str) -> std::result::Result<Settings, String> {
    let config = Config::parse("qemu.conf", text).map_err(|error| error.to_string())?;
    Settings::from_config(&config).map_err(|all| all.iter().map(ConfigError::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn nothing_said_is_the_default() {
    let settings = read("").unwrap();
    assert_eq!(settings.vnc, DisplayRules::default());
    assert_eq!((settings.seccomp, settings.log_timestamp, settings.dump_guest_core), (true, true, false));
    assert_eq!(settings.display_ports, 5900..=65535);
    assert_eq!(settings.websocket_ports, 5700..=65535);
    assert!(settings.chardev_certificates.verify && settings.nbd_certificates.verify);
}

#[test]
fn values_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("vnc");
    std::fs::create_dir(&own).unwrap();
    let (all, own) = (folder.path().display(), own.display());
    let settings = read(&format!(
        "vnc_listen = \"0.0.0.0\"\nvnc_tls = 1\nvnc_tls_x509_cert_dir = \"{own}\"\nvnc_password = \"\"\n\
         default_tls_x509_cert_dir = \"{all}\"\ndefault_tls_x509_verify = 1\nspice_tls = 1\n\
         default_tls_x509_secret_uuid = \"c7a5fdbd-edaf-9455-926a-d65c16db1809\"\n\
         remote_display_port_min = 5901\nremote_display_port_max = 5903\nmax_core = \"unlimited\"\nmax_files = 9\n\
         seccomp_sandbox = 0\ndeprecation_behavior = \"reject\"\nuser = \"+0\"\ngroup = \"root\"\n",
    ))
    .unwrap();
    assert_eq!(settings.vnc.listen, "0.0.0.0");
    let vnc = settings.vnc.tls.unwrap();
    assert_eq!(vnc.folder.display().to_string(), own.to_string());
    assert!(vnc.verify, "the setting for all services counts where a service says nothing");
    assert_eq!(vnc.secret, settings.chardev_certificates.secret);
    assert_eq!(settings.vnc.password.as_deref(), Some(""), "an empty password keeps everybody out");
    assert_eq!(settings.spice.tls.unwrap().folder, folder.path());
    assert_eq!(settings.display_ports, 5901..=5903);
    assert_eq!((settings.process.user, settings.process.group), (Some(0), Some(0)));
    assert_eq!((settings.process.files, settings.process.core), (Some(9), Some(u64::MAX)));
    assert_eq!((settings.seccomp, settings.deprecation), (false, Deprecation::Reject));
}

#[test]
fn every_mistake_is_told_with_its_line() {
    for (text, wanted) in [
        ("\nnonsense = 1\n", "qemu.conf:2: unknown key 'nonsense'"),
        ("vnc_tls = \"yes\"\n", "qemu.conf:1: expected 0 or 1 for 'vnc_tls' parameter"),
        ("remote_display_port_min = 80\n", "qemu.conf:1: value 80 for 'remote_display_port_min' parameter must be in"),
        (
            "remote_websocket_port_max = 5800\nremote_websocket_port_min = 5900\n",
            "qemu.conf:2: 'remote_websocket_port_min' is 5900, more than 'remote_websocket_port_max' with 5800",
        ),
        ("user = \"nobody at all\"\n", "qemu.conf:1: there is no user 'nobody at all' on this host"),
        ("max_core = \"much\"\n", "qemu.conf:1: 'much' for 'max_core' is neither"),
        (
            "chardev_tls_x509_cert_dir = \"/no/such\"\n",
            "qemu.conf:1: '/no/such' for 'chardev_tls_x509_cert_dir' is not",
        ),
        ("spice_sasl_dir = \"etc\"\n", "qemu.conf:1: 'etc' for 'spice_sasl_dir' is not an absolute path"),
        (
            "vnc_tls_x509_secret_uuid = \"00000000-0000-0000-0000-000000000000\"\n",
            "qemu.conf:1: '00000000-0000-0000-0000-000000000000' for 'vnc_tls_x509_secret_uuid' is not the UUID",
        ),
        ("save_image_format = \"rar\"\n", "qemu.conf:1: 'rar' for 'save_image_format' is none of raw, sparse"),
        ("cgroup_controllers = [ \"cpu\", \"gpu\" ]\n", "qemu.conf:1: 'gpu' for 'cgroup_controllers' is none of cpu"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.starts_with(wanted), "{text:?}: {error}");
    }
    assert_eq!(read("a = 1\nvnc_tls = 7\nb = 1\n").expect_err("wrong").lines().count(), 3);
}
