//! Steps of an authentication.

use abi_stable::StableAbi;
use oxivirt_macros::Xdr;

use super::{List, limit};

/// The server's turn in an exchange of SASL.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct SaslStep {
    /// 1 when the client is let in.
    pub complete: i32,
    /// 1 when there are no data, which differs from empty ones.
    pub nil: i32,
    /// For the client.
    pub data: List<i8, { limit::SASL_DATA }>,
}
