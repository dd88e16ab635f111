//! `<encryption>` of a volume or a disk.
