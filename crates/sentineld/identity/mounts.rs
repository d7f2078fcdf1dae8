//! The identity of a file as the kernel's records give it.
//!
//! Records carry the device of the superblock. stat(2) says another one on btrfs and
//! overlayfs, so the mount that the file was reached by is looked up in mountinfo.

use std::collections::HashMap;
use std::fs;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Statx, StatxFlags, statx};
use sentinel_event::FileIdentity;

/// What a file is, asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Device of the superblock, `major << 20 | minor`; what stat says where the mount is
    /// not in this namespace.
    pub dev: u32,
    /// Inode number.
    pub inode: u64,
    /// Inode change time, in nanoseconds since the Unix epoch.
    pub ctime_ns: i64,
    /// Content change time, in nanoseconds since the Unix epoch; its owner can set it.
    pub mtime_ns: i64,
    /// Bytes.
    pub length: u64,
    /// Hard links.
    pub nlink: u32,
    /// Whether it is a regular file.
    pub is_regular: bool,
}

impl Found {
    /// Whether it is the file of a record, unchanged.
    pub fn is_of(&self, file: &FileIdentity) -> bool {
        self.dev == file.dev && self.inode == file.inode && self.is_unchanged(file)
    }

    /// Whether the change time is still that of the record.
    pub fn is_unchanged(&self, file: &FileIdentity) -> bool {
        self.ctime_ns == file.ctime_ns
    }
}

/// The mounts of this namespace, read again when one is met that is not among them.
#[derive(Default)]
pub struct Mounts {
    dev_by_mount: HashMap<u64, u32>,
    kind_by_dev: HashMap<u32, Arc<str>>,
}

impl Mounts {
    /// What lies at `path`; a symbolic link there is followed.
    pub fn identity_of_path(&mut self, path: &str) -> rustix::io::Result<Found> {
        Ok(self.found(&statx(CWD, path, AtFlags::empty(), FLAGS)?))
    }

    /// What an open descriptor is.
    pub fn identity_of(&mut self, file: impl AsFd) -> rustix::io::Result<Found> {
        Ok(self.found(&statx(file, "", AtFlags::EMPTY_PATH, FLAGS)?))
    }

    fn found(&mut self, stat: &Statx) -> Found {
        let dev = stat.stx_dev_major << 20 | stat.stx_dev_minor;
        let ns = |time: rustix::fs::StatxTimestamp| {
            time.tv_sec.saturating_mul(1_000_000_000) + i64::from(time.tv_nsec)
        };
        const S_IFMT: u16 = 0o170_000;
        const S_IFREG: u16 = 0o100_000;
        Found {
            dev: self.dev_of_mount(stat.stx_mnt_id).unwrap_or(dev),
            inode: stat.stx_ino,
            ctime_ns: ns(stat.stx_ctime),
            mtime_ns: ns(stat.stx_mtime),
            length: stat.stx_size,
            nlink: stat.stx_nlink,
            is_regular: stat.stx_mode & S_IFMT == S_IFREG,
        }
    }

    fn dev_of_mount(&mut self, mount: u64) -> Option<u32> {
        if !self.dev_by_mount.contains_key(&mount) {
            self.read();
        }
        self.dev_by_mount.get(&mount).copied()
    }

    /// Whether files of a device come from another machine or another program, so that to
    /// open one may take for ever. Unknown devices are not waited for either.
    pub fn may_hang(&mut self, dev: u32) -> bool {
        if !self.kind_by_dev.contains_key(&dev) {
            self.read();
        }
        let Some(kind) = self.kind_by_dev.get(&dev) else {
            return true;
        };
        const REMOTE: [&str; 8] = [
            "nfs", "nfs4", "cifs", "smb3", "ceph", "afs", "fuse", "autofs",
        ];
        REMOTE.contains(&&**kind) || kind.starts_with("fuse.")
    }

    fn read(&mut self) {
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        (self.dev_by_mount, self.kind_by_dev) = parse(&text);
    }
}

const FLAGS: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::MNT_ID);

/// proc_pid_mountinfo(5): mount id, parent, major:minor, ..., a dash, type, ...
fn parse(mountinfo: &str) -> (HashMap<u64, u32>, HashMap<u32, Arc<str>>) {
    let (mut devs, mut kinds) = (HashMap::new(), HashMap::new());
    for line in mountinfo.lines() {
        let mut fields = line.split(' ');
        let mount = fields.next().and_then(|id| id.parse().ok());
        let numbers = fields.nth(1).and_then(|dev| dev.split_once(':'));
        let kind = line.split_once(" - ").map(|(_, rest)| rest);
        let kind = kind.and_then(|rest| rest.split(' ').next());
        if let (Some(mount), Some((major, minor)), Some(kind)) = (mount, numbers, kind)
            && let (Ok(major), Ok(minor)) = (major.parse::<u32>(), minor.parse::<u32>())
        {
            let dev = major << 20 | minor;
            devs.insert(mount, dev);
            kinds.insert(dev, Arc::from(kind));
        }
    }
    (devs, kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_is_read() {
        let (devs, kinds) = parse(
            "36 35 0:44 / / rw,noatime master:1 - btrfs /dev/sda2 rw,subvol=/a b\n\
             nonsense\n\
             37 36 8:1 / /boot rw - ext4 /dev/sda1 rw\n\
             38 36 0:50 / /mnt rw shared:2 master:3 - fuse.sshfs a:/ rw\n",
        );
        assert_eq!(devs, HashMap::from([(36, 44), (37, 8 << 20 | 1), (38, 50)]));
        let mut mounts = Mounts {
            dev_by_mount: devs,
            kind_by_dev: kinds,
        };
        assert!(!mounts.may_hang(44) && mounts.may_hang(50));
    }

    #[test]
    fn a_file_is_itself_by_path_and_by_descriptor() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut mounts = Mounts::default();
        let path = file.path().to_str().expect("is text");
        let by_path = mounts.identity_of_path(path).expect("is there");
        assert_eq!(mounts.identity_of(file.as_file()), Ok(by_path));
        assert!(by_path.is_regular && by_path.nlink == 1);
        let folder = mounts.identity_of_path("/").expect("is there");
        assert!(!folder.is_regular);
    }
}
