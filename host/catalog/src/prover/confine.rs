//! Confinement of a child before it reads its task.
//!
//! All of it runs on the process's only thread, because landlock applies to the calling thread and
//! the threads that it starts.

use rustix::process::{Resource, Rlimit, setrlimit};

use super::message::Confinement;

/// The limits that a child sets for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildLimits {
    /// Maximum memory for data, in bytes.
    pub memory: u64,
    /// Maximum time, summed over all processors, in seconds.
    pub processor_time: u64,
}

/// Limits the process, ties it to its parent, and closes inherited files. The returned text names
/// the measures that failed.
pub(super) fn confine(limits: &ChildLimits) -> Confinement {
    let mut failed = Vec::new();
    system::tie(&mut failed);
    system::limit(limits, &mut failed);
    let limited = if failed.is_empty() {
        format!(
            "memory {} MiB, processor time {} s, 32 open files, no core dump",
            limits.memory >> 20,
            limits.processor_time
        )
    } else {
        format!("not in force: {}", failed.join(", "))
    };
    let (files, calls) = (system::deny_files(), system::deny_calls());
    Confinement {
        whole: failed.is_empty() && files.is_ok() && calls.is_ok(),
        limits: limited,
        files: words(files),
        calls: words(calls),
    }
}

/// Returns what is denied, or why nothing is, in words for the log.
fn words(denied: Result<&str, NotDenied>) -> String {
    denied.map_or_else(|why| format!("not in force: {why}"), str::to_owned)
}

/// Limits a resource of the process, which it cannot raise again.
fn set_limit(resource: Resource, limit: u64) -> rustix::io::Result<()> {
    let limit = Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    setrlimit(resource, limit)
}

/// The reason for which the system denies the process nothing.
#[derive(Debug, thiserror::Error)]
enum NotDenied {
    /// The kernel has no landlock.
    #[cfg(target_os = "linux")]
    #[error("this kernel has no landlock")]
    NoLandlock,
    /// The kernel refuses the landlock rules.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Landlock(#[from] landlock::RulesetError),
    /// There are no seccomp filters for the processor.
    #[cfg(target_os = "linux")]
    #[error("no seccomp on this processor")]
    Processor,
    /// The seccomp filter is invalid.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Filter(#[from] seccompiler::BackendError),
    /// The kernel refuses the seccomp filter.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Seccomp(#[from] seccompiler::Error),
    /// The system is another than Linux.
    #[cfg(not(target_os = "linux"))]
    #[error("this system has no {0}")]
    System(&'static str),
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process reads about itself in `/proc`, not on a disk"
)]
#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;
    use std::fs;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope,
    };
    use rustix::process::{
        DumpableBehavior, Resource, Signal, set_dumpable_behavior, set_parent_process_death_signal,
    };
    use seccompiler::{
        SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter, apply_filter_all_threads,
    };

    use super::{ChildLimits, NotDenied, set_limit};

    /// The newest landlock version to request. An older kernel enforces what it supports.
    const LANDLOCK: ABI = ABI::V6;

    /// Makes the process end with its parent, and hides its memory from other processes of the same
    /// user.
    pub(super) fn tie(failed: &mut Vec<&'static str>) {
        if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
            failed.push("ending with the host");
        }
        if set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
            failed.push("not dumpable");
        }
        close_inherited();
    }

    /// Closes all open files except the standard streams. The host opens its own files with
    /// close-on-exec, but may have inherited some without it.
    #[expect(
        unsafe_code,
        reason = "a number is all that is known of an inherited file"
    )]
    fn close_inherited() {
        let Ok(open) = fs::read_dir("/proc/self/fd") else {
            return;
        };
        let numbers: Vec<i32> = open
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|number| *number > 2)
            .collect();
        for number in numbers {
            // One of the numbers is the directory that was just read, and is closed already.
            if fs::exists(format!("/proc/self/fd/{number}")).unwrap_or(false) {
                // SAFETY: this is the process's only thread and it has opened nothing yet, so
                // nothing owns this number.
                unsafe { rustix::io::close(number) }
            }
        }
    }

    /// Sets the limits of the process, which it cannot raise again (see [`deny_calls`]).
    pub(super) fn limit(limits: &ChildLimits, failed: &mut Vec<&'static str>) {
        /// Maximum file size, in bytes. A policy's initial memory lies in a file without a name
        /// (`memfd_create`), which counts.
        const FILE: u64 = 256 << 20;
        /// Stack size of the first thread, which only waits, in bytes.
        const STACK: u64 = 8 << 20;
        for (resource, limit, name) in [
            // The address space has no limit, because instances reserve 4 GiB of it and use little.
            // Memory that the allocator has reserved already counts.
            (
                Resource::Data,
                limits.memory.saturating_add(data()),
                "memory",
            ),
            (Resource::Stack, STACK, "stack"),
            (Resource::Cpu, limits.processor_time, "processor time"),
            (Resource::Nofile, 32, "open files"),
            (Resource::Fsize, FILE, "size of files"),
            (Resource::Core, 0, "no core dump"),
        ] {
            if set_limit(resource, limit).is_err() {
                failed.push(name);
            }
        }
    }

    /// Returns the memory of this process that counts for [`Resource::Data`], in bytes. Returns 0
    /// if the system does not say.
    fn data() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kibibytes = status.lines().find_map(|line| {
            line.strip_prefix("VmData:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        });
        kibibytes.map_or(0, |kibibytes: u64| kibibytes.saturating_mul(1024))
    }

    /// Denies opening files by name, the network, signals to other processes, and new privileges.
    pub(super) fn deny_files() -> Result<&'static str, NotDenied> {
        let restricted = Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))
            .and_then(|rules| rules.handle_access(AccessNet::from_all(LANDLOCK)))
            .and_then(|rules| rules.scope(Scope::from_all(LANDLOCK)))
            .and_then(|rules| rules.create()?.restrict_self());
        match restricted?.ruleset {
            RulesetStatus::FullyEnforced => Ok("none, by landlock"),
            RulesetStatus::PartiallyEnforced => {
                Ok("none, by landlock as far as this kernel has it")
            }
            RulesetStatus::NotEnforced => Err(NotDenied::NoLandlock),
        }
    }

    /// Denies the system calls that open files, start programs, talk to the network or to other
    /// processes, or raise limits.
    pub(super) fn deny_calls() -> Result<&'static str, NotDenied> {
        let architecture = std::env::consts::ARCH.try_into();
        let architecture = architecture.map_err(|_| NotDenied::Processor)?;
        let filter = |rules: BTreeMap<i64, Vec<SeccompRule>>, action| {
            SeccompFilter::new(rules, SeccompAction::Allow, action, architecture)
        };
        // glibc falls back to `clone`, whose flags a filter can see.
        let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let (newer, denied) = (filter(newer, absent)?, filter(rules()?, denied)?);
        for filter in [newer, denied] {
            let program: seccompiler::BpfProgram = filter.try_into()?;
            apply_filter_all_threads(&program).or_else(|_| apply_filter(&program))?;
        }
        Ok("no file, program, network, process or limit, by seccomp")
    }

    fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
        let mut rules: BTreeMap<_, _> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
        // The process may start threads only.
        let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
        let is_process = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(thread),
            0,
        )?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![is_process])?]);
        // Reading limits is allowed, because the standard library reads the stack limit.
        let sets = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![sets])?]);
        Ok(rules)
    }

    /// System calls that are denied regardless of their arguments.
    const DENIED: &[i64] = &[
        // Calls that open or change files by name.
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rmdir,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chown,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_open_by_handle_at,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_mkdirat,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mknodat,
        libc::SYS_fchmodat,
        libc::SYS_fchownat,
        libc::SYS_truncate,
        libc::SYS_setxattr,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_chroot,
        libc::SYS_pivot_root,
        // Calls that start programs, or affect other processes.
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_kill,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_unshare,
        libc::SYS_setns,
        // Calls for the network, and for objects that outlive the process.
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_semget,
        libc::SYS_mq_open,
        // Calls that circumvent the confinement, or that often had kernel vulnerabilities.
        libc::SYS_setrlimit,
        libc::SYS_io_uring_setup,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
    ];
}

#[cfg(not(target_os = "linux"))]
mod system {
    use rustix::process::Resource;

    use super::{ChildLimits, NotDenied, set_limit};

    /// Reports that this system cannot tie a process to its parent.
    pub(super) fn tie(failed: &mut Vec<&'static str>) {
        failed.push("ending with the host");
    }

    /// Sets the limits that this system supports.
    pub(super) fn limit(limits: &ChildLimits, failed: &mut Vec<&'static str>) {
        for (resource, limit, name) in [
            (Resource::Data, limits.memory, "memory"),
            (Resource::Cpu, limits.processor_time, "processor time"),
            (Resource::Core, 0, "no core dump"),
        ] {
            if set_limit(resource, limit).is_err() {
                failed.push(name);
            }
        }
    }

    pub(super) fn deny_files() -> Result<&'static str, NotDenied> {
        Err(NotDenied::System("landlock"))
    }

    pub(super) fn deny_calls() -> Result<&'static str, NotDenied> {
        Err(NotDenied::System("seccomp"))
    }
}
