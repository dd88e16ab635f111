//! The few foreign types that cross the plugin boundary, in one place.

pub use abi_stable::prefix_type::WithMetadata;
pub use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
