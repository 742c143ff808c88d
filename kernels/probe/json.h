/* Writes the report: one JSON object per line, its first key "t". Numbers are decimal integers. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void json_open(const char *type);
void json_number(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
void json_null(const char *key);
void json_string(const char *key, const char *value);
/* Lower-case hexadecimal text of a fixed width, for PCI ids. */
void json_hex(const char *key, uint64_t value, unsigned digits);
void json_close(void);
/* {"t":"report","cpu":4,...}: how many lines of each type came since json_count_from_here(). */
void json_counts(void);
void json_count_from_here(void);
/* {"t":"stage","name":...}: said before something that may never end. */
void json_stage(const char *name);

#endif
