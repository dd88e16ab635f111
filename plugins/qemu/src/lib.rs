//! plugins/qemu
