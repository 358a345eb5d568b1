//! Runs a program and says what it took: `user_us sys_us wall_us peak_kib` on standard output.
//!
//! Linux counts what a process held before it became another program, so a peak that Python asks for is at least
//! Python's own. This is a small process in between.

use std::process::{Command, Stdio};
use std::time::Instant;

/// `struct rusage` of 64-bit Linux.
#[repr(C)]
#[derive(Default)]
struct Usage {
    user: [i64; 2],
    system: [i64; 2],
    peak: i64,
    rest: [i64; 13],
}

unsafe extern "C" {
    fn wait4(pid: i32, status: *mut i32, options: i32, usage: *mut Usage) -> i32;
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    let child = Command::new(&arguments[0])
        .args(&arguments[1..])
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}", arguments[0]));
    let (mut status, mut usage) = (0, Usage::default());
    // SAFETY: both point to what lives on, and the layout is the system's.
    let ended = unsafe { wait4(child.id() as i32, &mut status, 0, &mut usage) };
    let wall = start.elapsed().as_micros();
    assert!(ended > 0 && status == 0, "{arguments:?} ended with status {status}");
    let us = |t: [i64; 2]| t[0] * 1_000_000 + t[1];
    println!("{} {} {wall} {}", us(usage.user), us(usage.system), usage.peak);
}
