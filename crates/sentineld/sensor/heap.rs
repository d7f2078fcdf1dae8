//! What the C library keeps of freed memory. It is here because only this module may call C.

use nix::libc;

/// Larger pieces go back to the kernel as soon as they are freed.
const KEPT_BYTES_MAX: libc::c_int = 1 << 20;

/// Sets the largest piece that is kept for later.
///
/// By default the C library raises this limit to the largest piece that was ever freed
/// (mallopt(3), "dynamic mmap threshold"). Batches are made in one thread and freed in
/// another, so each thread's arena would come to keep what only the largest batch needed:
/// some 10 MB after a storm.
pub fn bound_kept_memory() {
    // SAFETY: mallopt only sets numbers of the allocator, under its own lock.
    let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT_BYTES_MAX) } == 1;
    if !is_set {
        tracing::debug!("the C library does not let itself be told what memory to keep");
    }
}
