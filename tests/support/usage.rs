//! What a process has used, as the kernel counts it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// In which the kernel tells times to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// In the program and for it in the kernel, in seconds.
    pub cpu_s: f64,
    /// Resident.
    pub rss_bytes: u64,
}

impl Usage {
    pub fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} is gone"))?;
        // The name, in parentheses, may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |index: usize| fields[index].parse::<u64>().context("/proc/PID/stat");
        let (user, system) = (ticks(11)?, ticks(12)?);
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
        Ok(Self {
            cpu_s: (user + system) as f64 / TICKS_PER_SECOND,
            rss_bytes: kilobytes.context("VmRSS")?.trim().parse::<u64>()? * 1_024,
        })
    }
}

/// Processes that could run at once, and those that did over the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = text.split(' ').next().unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{last_minute} on {cores} cores")
}

/// Bytes of the segments of a topic whose name holds `topic`, in the folder of a broker.
pub fn segment_bytes(data: &Path, topic: &str) -> Result<u64> {
    let mut bytes = 0;
    for folder in fs::read_dir(data)? {
        let folder = folder?;
        if !folder.file_name().to_string_lossy().contains(topic) {
            continue;
        }
        for file in fs::read_dir(folder.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|kind| kind == "log") {
                bytes += path.metadata()?.len();
            }
        }
    }
    Ok(bytes)
}
