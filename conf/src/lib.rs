//! XML documents and Rust values: one folder per document, one file per
//! element. Pure: this crate touches no file, no process and no clock.

pub mod backup;
pub mod capabilities;
pub mod checkpoint;
pub mod cpu;
pub mod domain;
pub mod domain_capabilities;
pub mod image;
pub mod interface;
pub mod moment;
pub mod net;
pub mod network;
pub mod network_port;
pub mod node_device;
pub mod nwfilter;
pub mod nwfilter_binding;
pub mod object;
pub mod rare;
pub mod save_image;
pub mod secret;
pub mod snapshot;
pub mod storage_encryption;
pub mod storage_pool;
pub mod storage_pool_capabilities;
pub mod storage_volume;
pub mod sysinfo;
pub mod xml;
