/** The version of this program, kept here and nowhere else. */
export const version = "0.1.0";
