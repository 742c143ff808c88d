//! A small kernel in Rust without the standard library: it answers words on the first serial port.

#![no_std]
#![no_main]

mod boot;
mod memory;
mod serial;

use core::fmt::Write;
use core::panic::PanicInfo;
use serial::{exit, Serial};

#[no_mangle]
extern "C" fn kernel() -> ! {
    let mut serial = Serial;
    let mut buffer = [0; 80];
    let _ = write!(serial, "rust-kernel is up\n> ");
    loop {
        let mut words = serial.line(&mut buffer).split_whitespace();
        let _ = match (words.next(), words.next().and_then(|word| word.parse::<u64>().ok())) {
            (Some("ping"), _) => writeln!(serial, "pong"),
            (Some("square"), Some(value)) => writeln!(serial, "{}", value * value),
            (Some("exit"), Some(code)) => exit(code as u8),
            (Some("panic"), _) => panic!("as you wish"),
            (Some(_), _) => writeln!(serial, "words: ping, square N, exit N, panic"),
            (None, _) => Ok(()),
        };
        let _ = write!(serial, "> ");
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let _ = writeln!(Serial, "{info}");
    exit(2)
}
