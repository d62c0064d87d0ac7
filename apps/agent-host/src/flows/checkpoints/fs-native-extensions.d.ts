declare module "fs-native-extensions" {
  /** Takes the kernel's lock on an open file, if nobody has it. It goes with the descriptor, whatever ends that. */
  export function tryLock(fd: number): boolean;
}
