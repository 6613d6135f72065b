//! The machine and the date of measurements.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result, ensure};

/// The pin of the reference callout.
const PINS: &str = include_str!("../../../../bench/peers/callout-go/go.mod");

/// Describes this machine. Linux only.
pub(crate) fn machine() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&processors, "model name").unwrap_or("unknown processor");
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory = field(&memory, "MemTotal").and_then(|size| size.split(' ').next()?.parse().ok());
    let memory: u64 = memory.context("the kernel tells no MemTotal")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "{} × {model}, {} GiB of memory, Linux {}",
        available_parallelism()?,
        memory / (1024 * 1024),
        kernel.trim()
    ))
}

/// Returns the version of callout.go in the comparison.
pub(crate) fn callout_go() -> Result<&'static str> {
    let pin = PINS.lines().find_map(|line| {
        line.trim()
            .strip_prefix("github.com/synadia-io/callout.go ")
    });
    pin.context("no callout.go in go.mod")
}

/// Returns the day on which `file` was written, as `2026-01-31`.
pub(crate) fn date_of(file: &Path) -> Result<String> {
    let mut date = Command::new("date");
    let output = date.args(["-u", "+%F", "-r"]).arg(file).output()?;
    ensure!(output.status.success(), "`date` failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Returns the first field `name` in a text of the kernel.
fn field<'a>(told: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = told.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(field, _)| field.trim() == name)?;
    Some(value.trim())
}
