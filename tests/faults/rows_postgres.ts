import type { Row } from "./matrix.ts";

export const postgresRows: Row[] = [];
