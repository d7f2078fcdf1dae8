//! What one event looks like to the rules of one log source: the logs that Sysmon for
//! Linux and auditd would have written about it.

use rsigma_parser::LogSource;
use sentinel_detect::KindSet;
use sentinel_event::{Access, Detail, Event, FileAccess, Kind};

/// `O_CREAT` and `O_TRUNC` of x86-64.
const CREATES_OR_TRUNCATES: u32 = 0o1100;

/// One form in which rules see events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// A program was started, as Sysmon says it.
    ProcessCreation,
    /// A process reached into another.
    ProcessAccess,
    /// A file was made or overwritten, or got a name.
    FileEvent,
    /// A name of a file was removed.
    FileDelete,
    /// A file got another name.
    FileRename,
    /// A connection was begun or accepted.
    NetworkConnection,
    /// A name was asked for, shown to those rules about connections that ask for a host
    /// by name: a connection itself carries addresses only.
    NameConnection,
    /// A name was asked for.
    DnsQuery,
    /// A file was mapped executable.
    ImageLoad,
    /// A command line, for rules about Linux that name no log.
    Command,
    /// The arguments of a program, as auditd says them.
    AuditExecve,
    /// The system call that started a program, as auditd says it.
    AuditSyscall,
    /// Another system call, for rules that name one.
    AuditCall,
    /// A file that was changed or executed, as auditd says it.
    AuditPath,
    /// A file that was read, for rules that look for discovery or collection.
    AuditRead,
}

use Record::{
    AuditCall, AuditExecve, AuditPath, AuditRead, AuditSyscall, Command, DnsQuery, FileDelete,
    FileEvent, FileRename, ImageLoad, NameConnection, NetworkConnection, ProcessAccess,
    ProcessCreation,
};

impl Record {
    /// Every form.
    pub const ALL: [Record; 15] = [
        ProcessCreation,
        ProcessAccess,
        FileEvent,
        FileDelete,
        FileRename,
        NetworkConnection,
        NameConnection,
        DnsQuery,
        ImageLoad,
        Command,
        AuditExecve,
        AuditSyscall,
        AuditCall,
        AuditPath,
        AuditRead,
    ];

    /// The name in documentation and messages.
    pub const fn name(self) -> &'static str {
        match self {
            ProcessCreation => "process_creation",
            ProcessAccess => "process_access",
            FileEvent => "file_event",
            FileDelete => "file_delete",
            FileRename => "file_rename",
            NetworkConnection => "network_connection",
            NameConnection => "network_connection by name",
            DnsQuery => "dns_query",
            ImageLoad => "image_load",
            Command => "command line",
            AuditExecve => "auditd EXECVE",
            AuditSyscall => "auditd SYSCALL",
            AuditCall => "auditd SYSCALL by name",
            AuditPath => "auditd PATH",
            AuditRead => "auditd PATH read",
        }
    }

    /// The kinds of event that have this form.
    pub const fn kinds(self) -> KindSet {
        KindSet::of(match self {
            ProcessCreation | Command | AuditExecve | AuditSyscall => &[Kind::Exec],
            ProcessAccess => &[
                Kind::Ptrace,
                Kind::ProcessWrite,
                Kind::ProcessRead,
                Kind::PidfdGetfd,
            ],
            FileEvent => &[Kind::Open, Kind::Rename, Kind::Link, Kind::Symlink],
            FileDelete => &[Kind::Unlink],
            FileRename => &[Kind::Rename],
            NetworkConnection => &[Kind::Connect, Kind::Accept, Kind::Send],
            NameConnection | DnsQuery => &[Kind::Dns],
            ImageLoad => &[Kind::Mmap],
            AuditCall => &[
                Kind::Memfd,
                Kind::Connect,
                Kind::Ptrace,
                Kind::ProcessWrite,
                Kind::ProcessRead,
                Kind::Module,
                Kind::Bpf,
                Kind::Kexec,
                Kind::Mount,
                Kind::Umount,
                Kind::Symlink,
                Kind::Link,
                Kind::Unlink,
                Kind::Rename,
            ],
            AuditPath => &[
                Kind::Exec,
                Kind::Open,
                Kind::Unlink,
                Kind::Rename,
                Kind::Link,
                Kind::Symlink,
                Kind::Truncate,
                Kind::Chmod,
                Kind::Chown,
                Kind::Setxattr,
            ],
            AuditRead => &[Kind::Open],
        })
    }

    /// Whether an event of one of [`Record::kinds`] has this form.
    pub fn shows(self, event: &Event) -> bool {
        match (self, &event.detail) {
            (FileEvent, Detail::Open(open)) => event.result >= 0 && is_made(open),
            (FileEvent | FileDelete | FileRename, _) => event.result >= 0,
            (AuditPath, Detail::Open(open)) => open.access != Access::Read || is_made(open),
            (AuditRead, Detail::Open(open)) => open.access == Access::Read && !is_made(open),
            _ => true,
        }
    }

    /// The forms that the rules of a log source see; why not, when there is none.
    pub fn of_source(source: &LogSource) -> Result<&'static [Record], String> {
        let is = |value: &Option<String>, name: &str| {
            value
                .as_deref()
                .is_some_and(|v| v.eq_ignore_ascii_case(name))
        };
        if let Some(product) = &source.product
            && !product.eq_ignore_ascii_case("linux")
        {
            return Err(format!("it is about {product}, not Linux"));
        }
        if let Some(category) = source.category.as_deref() {
            let records: &[Record] = match category.to_ascii_lowercase().as_str() {
                "process_creation" => &[ProcessCreation],
                "process_access" => &[ProcessAccess],
                "file_event" => &[FileEvent],
                "file_delete" => &[FileDelete],
                "file_rename" => &[FileRename],
                "network_connection" => &[NetworkConnection, NameConnection],
                "dns_query" | "dns" => &[DnsQuery],
                "image_load" => &[ImageLoad],
                _ => return Err(format!("events of the category {category} are not made")),
            };
            return Ok(records);
        }
        match source.service.as_deref() {
            Some(_) if is(&source.service, "auditd") => {
                Ok(&[AuditExecve, AuditSyscall, AuditCall, AuditPath, AuditRead])
            }
            Some(service) => Err(format!("the log of {service} is not read")),
            None if is(&source.product, "linux") => Ok(&[Command]),
            None => Err("its log source names no category, service or product".to_owned()),
        }
    }
}

/// Whether an open made the file or may have emptied it.
fn is_made(open: &FileAccess) -> bool {
    let writes = matches!(open.access, Access::Write | Access::ReadWrite);
    open.access == Access::Create || (writes && open.open_flags & CREATES_OR_TRUNCATES != 0)
}
