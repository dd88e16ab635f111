//! What is read from and printed into a document.

use crate::xml::{ReadMode, WriteMode};

macro_rules! flags {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $flag:ident = $bit:expr;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// No flag set.
            pub const NONE: Self = Self(0);
            $($(#[$doc])* pub const $flag: Self = Self($bit);)+

            /// Whether all bits of `other` are set.
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

flags! {
    /// How a document is read.
    ParseFlags {
        /// Run-time facts (id, aliases other than the user's own, paths that
        /// the daemon chose) are ignored: the document becomes configuration.
        INACTIVE = 1;
        /// The document is this daemon's own status file.
        STATUS = 2;
        /// The generic and the driver's checks are left out, for documents
        /// that were accepted before and must load.
        SKIP_VALIDATE = 4;
        /// Only syntax: neither defaults nor addresses nor checks.
        SKIP_POST_PARSE = 8;
        /// The document may be changed to today's defaults of the guest ABI.
        ABI_UPDATE = 16;
    }
}

flags! {
    /// How a document is printed. The low bits are those of the public API.
    FormatFlags {
        /// With passwords and keys.
        SECURE = 1;
        /// Without run-time facts, even of an active domain.
        INACTIVE = 2;
        /// The CPU as the host gives it; the driver does that beforehand.
        UPDATE_CPU = 4;
        /// Only what an older peer of a migration understands.
        MIGRATABLE = 8;
        /// For this daemon's own status file: everything.
        STATUS = 1 << 16;
    }
}

impl ParseFlags {
    /// The tree's view of these flags.
    pub fn mode(self) -> ReadMode {
        ReadMode { live: !self.has(Self::INACTIVE), status: self.has(Self::STATUS) }
    }
}

impl FormatFlags {
    /// The writer's view of these flags.
    pub fn mode(self) -> WriteMode {
        let status = self.has(Self::STATUS);
        WriteMode {
            live: status || !self.has(Self::INACTIVE),
            secure: status || self.has(Self::SECURE),
            migratable: self.has(Self::MIGRATABLE),
            status,
        }
    }
}
