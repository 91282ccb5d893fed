//! How much memory the process takes.

/// Resident bytes that are its own, as the system counts them; 0 where the system does not say.
pub fn live_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = statm.split_ascii_whitespace().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    resident.saturating_sub(shared) * rustix::param::page_size() as u64
}

/// What the process may use: the limit of its control group, else what the machine has.
pub fn total_bytes() -> Option<u64> {
    let of_group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group =
        of_group.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    group.into_iter().chain(machine_bytes()).min()
}

fn machine_bytes() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_big_allocation_is_seen() {
        let before = super::live_bytes();
        let big = vec![1_u8; 64 << 20];
        let after = super::live_bytes();
        assert!(after > before + (48 << 20), "{before} → {after}");
        drop(big);
    }
}
