// Pictures of pages have few colours: with a palette they take a third of the room.
//
// Format: PNG (Third Edition), W3C.

import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS_MAX = 256;
// Colours that are nearer than this (squared) count as one: the shades at the edges of letters.
const APART_MIN = 20 ** 2;

/** The same picture with a palette of its most frequent colours; others take the nearest of them. */
export const palette = (png) => {
  const { width, height, pixels } = decode(png);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const colours = [];
  const index = new Map();
  for (const [pixel] of [...counts].sort(([, a], [, b]) => b - a)) {
    const [at, distance] = nearest(colours, pixel);
    const isNew = distance >= APART_MIN && colours.length < COLOURS_MAX;
    index.set(pixel, isNew ? colours.push(pixel) - 1 : at);
  }
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    // Each row begins with its filter: none.
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = index.get(pixels[y * width + x]);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const table = Buffer.from(colours.flatMap(channels));
  return Buffer.concat([SIGNATURE, chunk("IHDR", header), chunk("PLTE", table), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
};

const channels = (pixel) => [pixel >> 16, (pixel >> 8) & 255, pixel & 255];

const nearest = (colours, pixel) => {
  const wanted = channels(pixel);
  let [best, least] = [0, Infinity];
  for (const [at, colour] of colours.entries()) {
    const distance = channels(colour).reduce((sum, channel, i) => sum + (channel - wanted[i]) ** 2, 0);
    if (distance < least) [best, least] = [at, distance];
  }
  return [best, least];
};

const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
};

/** Width, height and pixels (0xRRGGBB) of a picture of 8 bits a channel, without transparency. */
const decode = (png) => {
  const data = [];
  let [width, height, depth] = [0, 0, 0];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      depth = { 2: 3, 6: 4 }[body[9]];
      if (body[8] !== 8 || depth === undefined || body[12] !== 0) throw new Error("not 8-bit RGB");
    }
    if (type === "IDAT") data.push(body);
    at += length + 12;
  }
  const bytes = unfilter(inflateSync(Buffer.concat(data)), width * depth, height, depth);
  const pixels = new Uint32Array(width * height);
  for (let i = 0; i < pixels.length; i += 1) {
    pixels[i] = (bytes[i * depth] << 16) | (bytes[i * depth + 1] << 8) | bytes[i * depth + 2];
  }
  return { width, height, pixels };
};

const unfilter = (rows, stride, height, depth) => {
  const bytes = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = rows[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const left = x < depth ? 0 : bytes[y * stride + x - depth];
      const up = y === 0 ? 0 : bytes[(y - 1) * stride + x];
      const corner = x < depth || y === 0 ? 0 : bytes[(y - 1) * stride + x - depth];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      bytes[y * stride + x] = rows[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return bytes;
};

const paeth = (left, up, corner) => {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
};
