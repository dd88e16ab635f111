//! What went through network devices of the host.

/// Counters of a device: bytes, packets, errors, drops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Direction {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Errors.
    pub errors: u64,
    /// Packets that were dropped.
    pub drops: u64,
}

/// What a device received and sent, seen from the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Received.
    pub received: Direction,
    /// Sent.
    pub sent: Direction,
}

impl Traffic {
    /// The same seen from the other end.
    pub fn from_other_end(self) -> Self {
        Self { received: self.sent, sent: self.received }
    }
}

/// The counters of a device; none if the host has no such device.
pub fn of_device(name: &str) -> Option<Traffic> {
    parse(&std::fs::read_to_string("/proc/net/dev").ok()?, name)
}

fn parse(table: &str, name: &str) -> Option<Traffic> {
    let line = table.lines().find_map(|line| {
        let (device, rest) = line.split_once(':')?;
        (device.trim() == name).then_some(rest)
    })?;
    let numbers: Vec<u64> = line.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
    let direction = |at: usize| {
        let number = |offset: usize| numbers.get(at + offset).copied();
        Some(Direction { bytes: number(0)?, packets: number(1)?, errors: number(2)?, drops: number(3)? })
    };
    Some(Traffic { received: direction(0)?, sent: direction(8)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let table = "Inter-|   Receive    |  Transmit\n face |bytes\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
        let traffic = parse(table, "eth0");
        assert_eq!(
            traffic.map(|t| (t.received.bytes, t.received.drops, t.sent.bytes, t.sent.drops)),
            Some((1, 4, 9, 12))
        );
        assert_eq!(traffic.map(|t| t.from_other_end().received.packets), Some(10));
        assert_eq!(parse(table, "eth"), None);
    }
}
