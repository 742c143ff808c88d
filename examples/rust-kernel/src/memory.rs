//! What compiled code refers to by these names; a C library would have them.

use core::arch::asm;

#[no_mangle]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _);
    to
}

#[no_mangle]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= count {
        return memcpy(to, from, count);
    }
    asm!("std", "rep movsb", "cld",
        inout("rcx") count => _, inout("rdi") to.add(count).wrapping_sub(1) => _,
        inout("rsi") from.add(count).wrapping_sub(1) => _);
    to
}

#[no_mangle]
unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    asm!("rep stosb", inout("rcx") count => _, inout("rdi") to => _, in("al") value as u8);
    to
}

#[no_mangle]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for index in 0..count {
        let (a, b) = (one.add(index).read_volatile(), other.add(index).read_volatile());
        if a != b {
            return a as i32 - b as i32;
        }
    }
    0
}

#[no_mangle]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    memcmp(one, other, count)
}

#[no_mangle]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    while text.add(length).read_volatile() != 0 {
        length += 1;
    }
    length
}

/// `core` was compiled for unwinding and names this; with `panic = "abort"` nobody calls it.
#[no_mangle]
extern "C" fn rust_eh_personality() {}
