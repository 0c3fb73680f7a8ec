/** Fixes with special cases (user, time, latitude, longitude), ordered by user. */
export const sampleFixes: number[][] = [
  // Two segments, the second across 180°, with numbers that JavaScript writes with an exponent.
  [-3, 1732431234.567, 60.1699123, 24.9384567],
  [-3, 1732431239.567, 60.1701, 1e-7],
  [-3, 1732435000, -17.5, 179.5],
  [-3, 1732435005.25, -17.25, -179.5],
  // A single fix at the edge of maps.
  [1, 0, 90, 180],
  // A fix between two gaps, and one in the same place as the previous one.
  [2147483647, 100000, -90, -180],
  [2147483647, 200000, 0, 0],
  [2147483647, 200000.5, 0, 0],
];
