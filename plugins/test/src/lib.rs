//! plugins/test
