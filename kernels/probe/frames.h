/* Messages by Ethernet frames between a controller and its clients. README.md has the format. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>

/* Answers calls until so many clients have been heard; false if they were not. */
bool frames_serve(unsigned clients);
/* Calls until a controller answers; false if none did. */
bool frames_call(void);

#endif
