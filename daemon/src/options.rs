//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// A virtualization daemon whose hypervisors are plugins.
#[derive(Parser, Debug, Clone)]
#[command(name = "oxivirtd", version, about)]
pub(crate) struct Options {
    /// Configuration file instead of <root>/etc/libvirt/libvirtd.conf
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Put every path below this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,

    /// Folder of the drivers
    #[arg(long, value_name = "DIR")]
    pub(crate) plugin_dir: Option<PathBuf>,

    /// Listen on TCP and TLS sockets as configured
    #[arg(short, long)]
    pub(crate) listen: bool,

    /// End after so many seconds without clients and running guests
    #[arg(short, long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,

    /// Pid file instead of <root>/run/libvirtd.pid
    #[arg(short, long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,

    /// Go to the background once the sockets are there
    #[arg(short, long)]
    pub(crate) daemon: bool,

    /// Log what is worth knowing, not only warnings
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Print the drivers that are found and what they support, then end
    #[arg(long)]
    pub(crate) plugins: bool,

    /// Read the configuration, tell everything that is wrong with it, then end
    #[arg(long)]
    pub(crate) check: bool,

    /// Host one plugin for the daemon that started this, which speaks on standard input
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) host_plugin: Option<PathBuf>,

    /// Add a user of SASL or change its password, which is read from standard input, then end
    #[arg(long, value_name = "NAME", group = "users")]
    pub(crate) sasl_add: Option<String>,

    /// Remove a user of SASL, then end
    #[arg(long, value_name = "NAME", group = "users")]
    pub(crate) sasl_remove: Option<String>,

    /// Print the users of SASL, then end
    #[arg(long, group = "users")]
    pub(crate) sasl_list: bool,
}
