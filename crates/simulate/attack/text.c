/* Texts and numbers, and the two functions that compilers call by themselves. */
#include "attack.h"

void *memset(void *to, int byte, size_t count)
{
	for (volatile uint8_t *at = to; count; count--)
		*at++ = (uint8_t)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
	const uint8_t *source = from;

	for (volatile uint8_t *at = to; count; count--)
		*at++ = *source++;
	return to;
}

size_t length(const char *text)
{
	size_t count = 0;

	while (text[count])
		count++;
	return count;
}

int same(const char *left, const char *right)
{
	while (*left && *left == *right)
		left++, right++;
	return *left == *right;
}

const char *find(const char *text, const char *part)
{
	size_t wanted = length(part);

	for (; *text; text++) {
		size_t met = 0;

		while (met < wanted && text[met] == part[met])
			met++;
		if (met == wanted)
			return text;
	}
	return NULL;
}

char *append(char *end, const char *text)
{
	while (*text)
		*end++ = *text++;
	*end = 0;
	return end;
}

char *append_number(char *end, unsigned long number)
{
	char digits[24];
	int count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while (number /= 10);
	while (count)
		*end++ = digits[--count];
	*end = 0;
	return end;
}

/* Ends at the first character that is no digit. */
uint64_t number_of(const char *text, unsigned int base)
{
	uint64_t number = 0;

	for (;; text++) {
		unsigned int digit = *text >= 'a' ? *text - 'a' + 10u : *text - '0' + 0u;

		if (digit >= base)
			return number;
		number = number * base + digit;
	}
}
