//! The first serial port, and the port by which a guest ends QEMU.

use core::arch::asm;
use core::fmt;

const COM1: u16 = 0x3f8;
const DEBUG_EXIT: u16 = 0xf4;

unsafe fn out(port: u16, value: u8) {
    asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack));
}

unsafe fn input(port: u16) -> u8 {
    let value: u8;
    asm!("in al, dx", out("al") value, in("dx") port, options(nomem, nostack));
    value
}

pub struct Serial;

impl Serial {
    /// Waits for a line, and returns it without its end. What does not fit is dropped.
    pub fn line<'a>(&self, buffer: &'a mut [u8]) -> &'a str {
        let mut length = 0;
        loop {
            // SAFETY: reading the UART's registers has no effect on memory.
            let byte = unsafe {
                while input(COM1 + 5) & 0x01 == 0 {}
                input(COM1)
            };
            if byte == b'\r' || byte == b'\n' {
                return core::str::from_utf8(&buffer[..length]).unwrap_or("");
            }
            if length < buffer.len() {
                buffer[length] = byte;
                length += 1;
            }
        }
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: as above.
            unsafe {
                while input(COM1 + 5) & 0x20 == 0 {}
                out(COM1, byte);
            }
        }
        Ok(())
    }
}

/// Ends QEMU with `(code << 1) | 1`.
pub fn exit(code: u8) -> ! {
    // SAFETY: the port is isa-debug-exit, or nothing at all.
    unsafe { out(DEBUG_EXIT, code) };
    loop {}
}
