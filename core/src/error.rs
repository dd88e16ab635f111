//! The one error type of the workspace.
//!
//! It carries what clients can see (code, domain, level, message and the
//! extra strings and numbers of the wire form) and crosses the plugin
//! boundary as it is. A crate's own enums become this type in its
//! `error.rs`; nobody matches on text.

mod codes;
mod text;

use abi_stable::StableAbi;
use abi_stable::std_types::{RBox, ROption, RString};

pub use codes::{ErrorCode, ErrorDomain};

/// Result with the workspace's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How bad it is, as the wire says it: 1 warning, 2 error.
pub const LEVEL_ERROR: i32 = 2;

/// An error as a client sees it.
#[repr(transparent)]
#[derive(StableAbi, Clone)]
pub struct Error(RBox<Fields>);

/// The inside of an [`Error`]; public only because its layout is checked.
#[doc(hidden)]
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct Fields {
    code: ErrorCode,
    domain: ErrorDomain,
    message: RString,
    str1: ROption<RString>,
    str2: ROption<RString>,
    str3: ROption<RString>,
    int1: i32,
    int2: i32,
}

impl Error {
    /// Makes an error; the client reads the code's standing text followed by
    /// `detail`, as in `Domain not found: no domain with matching name 'a'`.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let message = text::message(code, &detail);
        // Clients get the pattern of the message as its first extra string.
        let pattern = text::message(code, if detail.is_empty() { "" } else { "%1$s" });
        // Where there is no standing text around it, there is one way to say it.
        let pattern = if pattern == "%1$s" { "%s".into() } else { pattern };
        Self(RBox::new(Fields {
            code,
            domain: ErrorDomain::NONE,
            str1: ROption::RSome(pattern.into()),
            str2: if detail.is_empty() { ROption::RNone } else { ROption::RSome(detail.into()) },
            message: message.into(),
            str3: ROption::RNone,
            int1: -1,
            int2: -1,
        }))
    }

    /// An error exactly as it came over the wire, without the standing text.
    pub fn from_wire(
        code: ErrorCode,
        domain: ErrorDomain,
        message: String,
        strings: [Option<String>; 3],
        ints: [i32; 2],
    ) -> Self {
        let [str1, str2, str3] = strings.map(|s| s.map(RString::from).into());
        Self(RBox::new(Fields {
            code,
            domain,
            message: message.into(),
            str1,
            str2,
            str3,
            int1: ints[0],
            int2: ints[1],
        }))
    }

    /// A broken promise inside this program.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::INTERNAL_ERROR, detail)
    }

    /// The driver does not have this operation; `what` names the call.
    pub fn no_support(what: impl Into<String>) -> Self {
        Self::new(ErrorCode::NO_SUPPORT, what)
    }

    /// The caller passed something that can never be right.
    pub fn invalid_arg(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_ARG, detail)
    }

    /// The object is in the wrong state for this.
    pub fn operation_invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::OPERATION_INVALID, detail)
    }

    /// It was tried and did not work.
    pub fn operation_failed(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::OPERATION_FAILED, detail)
    }

    /// A wait reached its limit; `detail` names what was waited for.
    pub fn timed_out(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::OPERATION_TIMEOUT, detail)
    }

    /// A valid document asks for what this driver cannot give.
    pub fn config_unsupported(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::CONFIG_UNSUPPORTED, detail)
    }

    /// An XML document that is well formed but means nothing.
    pub fn xml(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::XML_ERROR, detail)
    }

    /// A failed system call; `what` says what was being done to which thing.
    pub fn system(what: impl std::fmt::Display, source: &std::io::Error) -> Self {
        let mut error = Self::new(ErrorCode::SYSTEM_ERROR, format!("{what}: {}", os_text(source)));
        error.0.int1 = source.raw_os_error().unwrap_or(-1);
        error
    }

    /// Says which part of the system raised it; the first to say so wins.
    pub fn in_domain(mut self, domain: ErrorDomain) -> Self {
        if self.0.domain == ErrorDomain::NONE {
            self.0.domain = domain;
        }
        self
    }

    /// Puts words before the message, such as what was being attempted.
    pub fn context(mut self, what: impl std::fmt::Display) -> Self {
        let detail = format!("{what}: {}", self.detail());
        let domain = self.0.domain;
        let ints = (self.0.int1, self.0.int2);
        self = Self::new(self.0.code, detail);
        (self.0.int1, self.0.int2) = ints;
        self.0.domain = domain;
        self
    }

    /// The public number.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The part of the system that raised it.
    pub fn domain(&self) -> ErrorDomain {
        self.0.domain
    }

    /// The whole text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The text without the code's standing words.
    pub fn detail(&self) -> &str {
        match &self.0.str2 {
            ROption::RSome(detail) => detail,
            ROption::RNone => &self.0.message,
        }
    }

    /// The three extra strings of the wire form.
    pub fn strings(&self) -> [Option<&str>; 3] {
        [&self.0.str1, &self.0.str2, &self.0.str3].map(|s| match s {
            ROption::RSome(s) => Some(s.as_str()),
            ROption::RNone => None,
        })
    }

    /// The two extra numbers of the wire form; -1 where unused.
    pub fn ints(&self) -> [i32; 2] {
        [self.0.int1, self.0.int2]
    }

    /// Whether this is the normal answer of a driver without the operation.
    pub fn is_no_support(&self) -> bool {
        self.0.code == ErrorCode::NO_SUPPORT
    }
}

/// The system's words for an error, without Rust's `(os error N)`.
fn os_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}/{:?}: {}", self.0.code, self.0.domain, self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_has_standing_text_and_detail() {
        let error = Error::new(ErrorCode::NO_DOMAIN, "no domain with matching name 'a'");
        assert_eq!(error.message(), "Domain not found: no domain with matching name 'a'");
        assert_eq!(error.detail(), "no domain with matching name 'a'");
    }

    #[test]
    fn context_keeps_code_and_says_the_standing_text_once() {
        let error = Error::internal("inner").context("outer");
        assert_eq!(error.message(), "internal error: outer: inner");
        assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
    }

    #[test]
    fn system_errors_carry_errno_and_no_rust_suffix() {
        let source = std::io::Error::from_raw_os_error(2);
        let error = Error::system("cannot open '/x'", &source);
        assert_eq!(error.message(), "cannot open '/x': No such file or directory");
        assert_eq!(error.ints()[0], 2);
    }
}
