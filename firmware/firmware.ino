// The camera firmware of espcam-bridge as an Arduino sketch: the program is in src/, setup() and loop() in src/main.cpp.
//
// Arduino IDE: install the boards "esp32 by Espressif" 3.x and the libraries "WebSockets" (Markus Sattler, 2.7.3) and
// "WiFiManager" (tzapu, 2.0.17), copy lib/camlink to your libraries folder, choose "AI Thinker ESP32-CAM". arduino-cli:
//   arduino-cli compile --fqbn esp32:esp32:esp32cam --libraries lib firmware
// For other boards see README.md.
