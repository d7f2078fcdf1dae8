//! Memory that the kernel's objects and this process share: what is written here is there
//! for whoever maps the same object next, however this process ends.

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use libbpf_rs::{MapCore, MapHandle, MapType};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};

/// Words of shared memory. They stay mapped until the process ends.
pub type Words = &'static [AtomicU64];

/// Maps `words` words of an object, from `offset` bytes on.
pub fn map(object: impl AsFd, offset: usize, words: usize, writable: bool) -> io::Result<Words> {
    let bytes = NonZeroUsize::new(words * size_of::<u64>()).ok_or(io::ErrorKind::InvalidInput)?;
    let mut access = ProtFlags::PROT_READ;
    access.set(ProtFlags::PROT_WRITE, writable);
    // SAFETY: a new mapping at an address that the kernel chooses; nothing else is there.
    let memory: NonNull<c_void> = unsafe {
        mmap(
            None,
            bytes,
            access,
            MapFlags::MAP_SHARED,
            object,
            offset as i64,
        )
    }?;
    // SAFETY: the mapping is `words` words long, aligned to a page, and never unmapped. All
    // who use it do so by atomic accesses; those to read-only memory are loads, for which
    // `Words` of the producer's page are used alone.
    Ok(unsafe { std::slice::from_raw_parts(memory.as_ptr().cast::<AtomicU64>(), words) })
}

/// Makes an object of nothing but shared memory.
pub fn create(name: &str, words: usize) -> libbpf_rs::Result<MapHandle> {
    let options = libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
        map_flags: libbpf_sys::BPF_F_MMAPABLE,
        ..Default::default()
    };
    let bytes = (words * size_of::<u64>()) as u32;
    MapHandle::create(MapType::Array, Some(name), 4, bytes, 1, &options)
}

/// The positions of a ring: how far it was read and how far it was written, in bytes since
/// it was made.
#[derive(Clone, Copy)]
pub struct Positions {
    consumer: Words,
    producer: Words,
}

impl Positions {
    /// Of a ring buffer's map.
    pub fn of(ring: &impl MapCore, page_bytes: u64) -> io::Result<Positions> {
        Ok(Positions {
            consumer: map(ring.as_fd(), 0, 1, true)?,
            producer: map(ring.as_fd(), page_bytes as usize, 1, false)?,
        })
    }

    /// How far it was read.
    pub fn consumer(&self) -> u64 {
        self.consumer[0].load(Ordering::Acquire)
    }

    /// How far it was written.
    pub fn producer(&self) -> u64 {
        self.producer[0].load(Ordering::Acquire)
    }

    /// Bytes that wait to be read.
    pub fn waiting(&self) -> u64 {
        self.producer().saturating_sub(self.consumer())
    }

    /// Lets it be read from there on; that must be where a record begins.
    pub fn rewind(&self, position: u64) {
        self.consumer[0].store(position, Ordering::SeqCst);
    }
}

/// Positions of no ring, for tests.
#[cfg(test)]
impl Positions {
    pub fn in_memory(consumer: u64, producer: u64) -> Positions {
        let word = |value: u64| &*Box::leak(Box::new([AtomicU64::new(value)]));
        Positions {
            consumer: word(consumer),
            producer: word(producer),
        }
    }
}
