// Lines for whoever watches the serial line. Improv shares it: its packets are found among them.
#pragma once

#include <string_view>

namespace espcam {

void start_console();
// One line. From any task.
void say(std::string_view line);
// Two texts in one line.
void say(std::string_view what, std::string_view detail);

}  // namespace espcam
