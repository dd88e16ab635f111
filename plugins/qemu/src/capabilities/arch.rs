//! Architecture names: libvirt's, and QEMU's in binary names.

/// libvirt's name, QEMU's name in `qemu-system-*`, bits per word.
const NAMES: &[(&str, &str, u32)] = &[
    ("alpha", "alpha", 64),
    ("armv7l", "arm", 32),
    ("aarch64", "aarch64", 64),
    ("hppa", "hppa", 32),
    ("i686", "i386", 32),
    ("loongarch64", "loongarch64", 64),
    ("m68k", "m68k", 32),
    ("microblaze", "microblaze", 32),
    ("microblazeel", "microblazeel", 32),
    ("mips", "mips", 32),
    ("mipsel", "mipsel", 32),
    ("mips64", "mips64", 64),
    ("mips64el", "mips64el", 64),
    ("or32", "or1k", 32),
    ("ppc", "ppc", 32),
    ("ppc64", "ppc64", 64),
    ("riscv32", "riscv32", 32),
    ("riscv64", "riscv64", 64),
    ("s390x", "s390x", 64),
    ("sh4", "sh4", 32),
    ("sh4eb", "sh4eb", 64),
    ("sparc", "sparc", 32),
    ("sparc64", "sparc64", 64),
    ("x86_64", "x86_64", 64),
    ("xtensa", "xtensa", 32),
    ("xtensaeb", "xtensaeb", 32),
];

/// libvirt's name for QEMU's target name.
pub fn of_target(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(_, qemu, _)| *qemu == name).map(|(arch, ..)| *arch)
}

/// Bits per word of an architecture in libvirt's name.
pub fn word_size(arch: &str) -> Option<u32> {
    NAMES.iter().find(|(name, ..)| *name == arch).map(|(.., bits)| *bits)
}

/// The architecture that a binary's file name promises.
pub fn arch_of_binary(file_name: &str) -> Option<&'static str> {
    of_target(file_name.strip_prefix("qemu-system-")?)
}

/// File names to look for, with the architecture of each.
pub fn binary_names() -> impl Iterator<Item = (String, &'static str)> {
    NAMES.iter().map(|(arch, qemu, _)| (format!("qemu-system-{qemu}"), *arch))
}
