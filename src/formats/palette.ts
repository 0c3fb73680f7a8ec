/** The colours of users, in turn: on a light and a dark background, and from the 256 colours of a terminal. */
export const PALETTE: { light: string; dark: string; terminal: number }[] = [
  { light: "#0b62c4", dark: "#5aa9ff", terminal: 33 },
  { light: "#cf460e", dark: "#ff8a5c", terminal: 208 },
  { light: "#0a8554", dark: "#3ecf8e", terminal: 35 },
  { light: "#a32cc4", dark: "#d58cff", terminal: 135 },
  { light: "#a97a00", dark: "#f0c040", terminal: 178 },
  { light: "#0a8398", dark: "#4dd4e6", terminal: 44 },
  { light: "#d6246e", dark: "#ff78ad", terminal: 205 },
  { light: "#5b6675", dark: "#a8b3c4", terminal: 246 },
];
