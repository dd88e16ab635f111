//! Numbers and times as in the recorded answers.

use oxivirt_conf::domain::devices::{Interface, InterfaceSource};
use oxivirt_core::Result;
use oxivirt_driver_qemu::command::{Host, Taps};

pub(crate) struct Fixed;

impl Host for Fixed {
    fn listen(&mut self, _: &str) -> Result<i32> {
        Ok(1729)
    }

    fn output(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(1750)
    }

    fn log(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(1751)
    }

    fn tap(&mut self, net: &Interface, virtio: bool) -> Result<Taps> {
        let queues = i32::try_from(net.driver.queues.unwrap_or(1)).unwrap_or(1);
        let first = if matches!(net.source, InterfaceSource::Ethernet) { 3 } else { 102 };
        let vhost = virtio && net.driver.name.is_none_or(|n| n.as_str() != "qemu");
        Ok(Taps {
            taps: (first..first + queues).collect(),
            vhost: if vhost { (44..44 + queues).collect() } else { vec![] },
        })
    }

    fn is_cdrom(&self, path: &str) -> bool {
        path == "/dev/cdrom"
    }

    fn now(&self) -> i64 {
        1_234_567_890
    }

    fn utc_offset(&self) -> i64 {
        -1800
    }
}
