/** The element that is known to be there. */
export function at<T>(array: ArrayLike<T>, index: number): T {
  const element = array[index];
  if (element === undefined) throw new RangeError(`Nothing at ${index}`);
  return element;
}
