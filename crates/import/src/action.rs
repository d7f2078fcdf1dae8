//! Lines of the kinds that share a shape: what was done to files, processes,
//! descriptors, sockets and the kernel.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sentinel_event::{
    Backing, Connection, Credentials, DescriptorAction, Detail, FileAction, Group, Ids, Kind,
    NetworkAction, ProcessAction, Protocol, Stdio, StdioKind, SystemAction,
};

use crate::event::stub;
use crate::fields::{Fields, Reason, missing, socket_address};
use crate::line::file_identity;

/// Kinds whose second name is part of what happened.
const WITH_TO: [Kind; 3] = [Kind::Rename, Kind::Link, Kind::Symlink];

/// The detail of a line whose kind is in `group`. Of another process it has only what
/// the line says; who that is, the table knows.
pub fn detail(f: &mut Fields, group: Group, kind: Kind) -> Result<Detail, Reason> {
    let operation = f.text("operation")?.unwrap_or_default().into();
    Ok(match group {
        Group::File => {
            let path = match kind {
                // The caller's own text need not be absolute.
                Kind::ExecFailed | Kind::Symlink => f.text("path")?,
                _ => f.absolute_path("path")?,
            };
            let to = f.text("to")?;
            if WITH_TO.contains(&kind) && to.is_none() {
                return Err(missing("to"));
            }
            let backing = f.named("backing", Backing::from_name)?.unwrap_or_default();
            Detail::File(FileAction {
                kind,
                path: path.ok_or_else(|| missing("path"))?.into(),
                to: to.unwrap_or_default().into(),
                file: file_identity(f, backing)?,
                backing,
                operation,
                argument: f.u64("argument")?.unwrap_or(0),
            })
        }
        Group::Process => Detail::Target(ProcessAction {
            kind,
            operation,
            argument: f.u64("argument")?.unwrap_or(0),
            target: stub(
                f.required_number("target_pid")?,
                f.absolute_path("target_exe")?,
            ),
            address: f.u64("address")?.unwrap_or(0),
            length: f.u64("length")?.unwrap_or(0),
        }),
        Group::Descriptor => Detail::Descriptor(DescriptorAction {
            kind,
            operation,
            fd: f.required_number::<u16>("fd")?.into(),
            old_fd: f.i64("old_fd")?.map_or(-1, |fd| fd as i32),
            object: object(f)?,
        }),
        Group::Network => Detail::Network(NetworkAction {
            kind,
            connection: connection(f, kind)?,
            bytes_sent: f.u64("bytes_sent")?.unwrap_or(0),
            bytes_received: f.u64("bytes_received")?.unwrap_or(0),
            run_ns: f.u64("run_ns")?.unwrap_or(0),
            name: f.text("name")?.unwrap_or_default().into(),
            operation,
        }),
        Group::Credentials => Detail::Credentials(Credentials {
            operation,
            old: ids(
                f,
                ["old_uid", "old_euid", "old_gid", "old_egid"],
                "old_cap_effective",
            )?,
            new: ids(
                f,
                ["new_uid", "new_euid", "new_gid", "new_egid"],
                "new_cap_effective",
            )?,
        }),
        Group::System => Detail::System(SystemAction {
            kind,
            operation,
            name: f.text("name")?.unwrap_or_default().into(),
            argument: f.u64("argument")?.unwrap_or(0),
        }),
    })
}

fn object(f: &mut Fields) -> Result<Stdio, Reason> {
    let kind = f.named("object", StdioKind::from_name)?;
    let local = f.text("object_local")?.unwrap_or_default();
    let peer = f.text("object_peer")?.unwrap_or_default();
    Ok(Stdio {
        kind: kind.ok_or_else(|| missing("object"))?,
        inode: f.u64("object_inode")?.unwrap_or(0),
        local: socket_address("object_local", &local)?,
        peer: socket_address("object_peer", &peer)?,
    })
}

fn connection(f: &mut Fields, kind: Kind) -> Result<Connection, Reason> {
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let is_local = matches!(kind, Kind::Bind | Kind::Listen);
    let served: u16 = f.required_number("port")?;
    let (local_port, peer_port) = (f.number("local_port")?, f.number("peer_port")?);
    let local = f.address("local_addr")?;
    let peer = f.address("addr")?;
    let proto = f.named("proto", Protocol::from_name)?;
    let (local, peer) = if is_local {
        let local = local.or(peer).ok_or_else(|| missing("local_addr"))?;
        (
            SocketAddr::new(local, served),
            SocketAddr::new(peer.unwrap_or(unspecified), peer_port.unwrap_or(0)),
        )
    } else {
        let peer = peer.ok_or_else(|| missing("addr"))?;
        (
            SocketAddr::new(local.unwrap_or(unspecified), local_port.unwrap_or(0)),
            SocketAddr::new(peer, served),
        )
    };
    Ok(Connection {
        protocol: proto.unwrap_or(match kind {
            Kind::Send | Kind::Dns => Protocol::Udp,
            _ => Protocol::Tcp,
        }),
        local,
        peer,
        inode: f.u64("inode")?.unwrap_or(0),
    })
}

fn ids(f: &mut Fields, keys: [&str; 4], capabilities: &str) -> Result<Ids, Reason> {
    Ok(Ids {
        uid: f.number(keys[0])?.unwrap_or(0),
        euid: f.number(keys[1])?.unwrap_or(0),
        gid: f.number(keys[2])?.unwrap_or(0),
        egid: f.number(keys[3])?.unwrap_or(0),
        cap_effective: f.u64(capabilities)?.unwrap_or(0),
    })
}
